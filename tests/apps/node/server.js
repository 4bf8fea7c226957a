const http = require("node:http");
const fs = require("node:fs");
const path = require("node:path");
const ms = require("ms");

const version = fs.readFileSync(path.join(__dirname, "version.txt"), "utf8").trim();

const server = http.createServer((request, response) => {
  if (request.url.startsWith("/env/")) {
    response.end(process.env[request.url.slice(5)] ?? "");
  } else if (request.url === "/dependency") {
    response.end(ms(60000));
  } else {
    response.end(`node ${version}\n`);
  }
});
server.listen(process.env.PORT);
process.on("SIGTERM", () => server.close());
