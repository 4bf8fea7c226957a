"""The rows of languages that are compiled to a program: Go, Rust, Swift, Crystal, Dart, Haskell, OCaml, Nim, Zig, C and C++. Pure."""

import re

from deployhost.build.detect.languages.language import Language, words

GO = Language(
    name="Go",
    image="golang:1",
    programs=("go", "buffalo", "bee", "revel"),
    manifests=("go.mod", "go.work", "/main.go"),
    frameworks=re.compile(
        r"\b(?:gin-gonic/gin|labstack/echo|gofiber/fiber|go-chi/chi|gorilla/mux|julienschmidt/httprouter|beego/beego|astaxie/beego|revel/revel|"
        r"valyala/fasthttp|gobuffalo/buffalo|kataras/iris|pocketbase/pocketbase|danielgtaylor/huma|caddyserver/caddy|encore\.dev|goadesign/goa|"
        r"go-martini/martini|cloudwego/hertz|gogf/gf|go-kratos/kratos|zeromicro/go-zero|uptrace/bunrouter|connectrpc\.com/connect|"
        r"a-h/templ|grpc-ecosystem/grpc-gateway|maragu\.dev/gomponents|go-fuego/fuego)\b"
    ),
    sources=(".go",),
    listens=re.compile(
        r"\bhttp\.(?:ListenAndServe(?:TLS)?|Serve(?:TLS)?|HandleFunc|Handle)\(|\.ListenAndServe(?:TLS)?\(|\bhttp\.Server\{|\bnet\.Listen\(|"
        r"\b(?:gin\.(?:Default|New)|echo\.New|fiber\.New|chi\.NewRouter|mux\.NewRouter|grpc\.NewServer|fasthttp\.ListenAndServe|httprouter\.New|iris\.New|"
        r"iris\.Default|pocketbase\.New|fcgi\.Serve|cgi\.Serve)\("
    ),
    mains=("main.go", "cmd/main.go", "cmd/*/main.go", "server.go", "src/main.go", "cmd/server/*.go", "app.go"),
    begins=re.compile(r"^\s*package\s+main\b"),
    needs_source=True,
    beside=("hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config/_default/hugo.toml"),
    library=("*.go", "*/*.go", "*/*/*.go", "*/*/*/*.go"),
    manifest_serves=True,
    elsewhere=re.compile(
        r"\"syscall/js\"|^//export\s|hajimehoshi/ebiten|wailsapp/wails|fyne\.io/fyne|^\s*//go:build\s+(?:mage|ignore|tools)\b|^\s*//\s*\+build\s+(?:mage|ignore|tools)\b"
    ),
)

_CRATES = (
    r"actix-web|actix-files|actix|axum|rocket|warp|tide|poem|salvo|tiny_http|gotham|iron|rouille|ntex|viz|loco-rs|thruster|leptos_axum|leptos_actix|"
    r"async-graphql-\w+|juniper_\w+|pavex|nickel|may_minihttp|shuttle-\w+|worker|lambda_http|trillium|saphir|submillisecond|graphul|astra|tower-web|volo-http|cot|pingora"
)
RUST = Language(
    name="Rust",
    image="rust:1",
    programs=("cargo", "trunk", "cargo-leptos"),
    built=re.compile(r"(?:\./)?target/(?:[\w-]+/)?(?:release|debug)/"),
    manifests=("cargo.toml", "cargo.lock"),
    frameworks=re.compile(
        rf"^\s*(?:dioxus|leptos)\b.*\b(?:fullstack|ssr)\b|^\s*\"?(?:{_CRATES})\"?\s*(?:=|\.)|^\s*\[(?:\w+\.)*(?:{_CRATES})\]"
    ),
    servers=("rocket.toml", "shuttle.toml"),
    gathers=re.compile(r"^\s*\[workspace\b"),
    gathered=re.compile(r"^\s*\[package\]"),
    sources=(".rs",),
    listens=re.compile(
        r"\b(?:TcpListener::bind|HttpServer::new|axum::(?:serve|Router|Server)|rocket::(?:build|ignite|launch)|warp::serve|hyper::Server|tide::new|"
        r"tiny_http::Server|Server::http|rouille::start_server|Iron::new|actix_web::)|#\[(?:launch|rocket::launch|actix_web::main|shuttle_runtime::main)\]"
    ),
    begins=re.compile(r"^\s*(?:pub\s+)?(?:async\s+)?fn\s+main\s*\("),
    not_mains=re.compile(r"(?:^|/)build\.rs$"),
    mains=("src/main.rs", "src/bin/*.rs", "main.rs", "src/bin/*/main.rs"),
    library=("src/lib.rs", "lib.rs"),
    manifest_serves=True,
    elsewhere=re.compile(
        r"^\s*\"?(?:wasm-bindgen|yew|sycamore|seed|gloo|leptos|dioxus|tauri|bevy|macroquad|eframe|egui|pyo3|napi|neon)\"?\s*(?:=|\.)"
    ),
)

SWIFT = Language(
    name="Swift",
    image="swift:6",
    programs=("swift", "vapor"),
    built=re.compile(r"(?:\./)?\.build/"),
    manifests=("package.swift", "package.resolved"),
    frameworks=re.compile(
        r"/(?:vapor|hummingbird|kitura|perfect-httpserver|swifter|smoke-framework|grpc-swift|toucan)(?:\.git|\")",
        re.IGNORECASE,
    ),
    sources=(".swift",),
    listens=re.compile(r"^\s*import\s+(?:Vapor|Hummingbird|Kitura|PerfectHTTPServer|Swifter|NIOHTTP1)\b"),
    mains=(
        "sources/*/main.swift",
        "sources/main.swift",
        "main.swift",
        "sources/*/entrypoint.swift",
        "sources/*/configure.swift",
    ),
    begins=re.compile(r"^\s*@main\b"),
    elsewhere_wins=True,
    tools=re.compile(r"SwiftLint|SwiftFormat|\bBuildTools\b"),
    elsewhere=re.compile(r"\.iOSApplication\b|^\s*import\s+(?:SwiftUI|UIKit|AppKit)\b"),
    library=("sources/*/*.swift",),
)

CRYSTAL = Language(
    name="Crystal",
    image="crystallang/crystal:1",
    programs=("crystal", "shards", "lucky", "amber"),
    manifests=("shard.yml", "shard.lock"),
    frameworks=words("kemal|lucky|amber|grip|athena|athena-framework|spider-gazelle|raze|router|marten|orion"),
    sources=(".cr",),
    listens=re.compile(
        r"\bHTTP::Server\.new|\bTCPServer\.new|^\s*require\s+\"(?:kemal|http/server|lucky|amber|grip|athena|marten)\"|\bKemal\.run"
    ),
    mains=("src/server.cr", "src/app.cr", "src/main.cr", "server.cr", "app.cr"),
)

DART = Language(
    name="Dart",
    image="dart:3",
    programs=("dart", "dart_frog", "serverpod"),
    manifests=("pubspec.yaml", "pubspec.lock"),
    frameworks=re.compile(
        r"^\s+(?:shelf(?:_\w+)?|dart_frog\w*|serverpod\w*|aqueduct|angel3?_\w+|conduit\w*|alfred|get_server|jaguar\w*|relic|vania|lucifer|spry|minerva|jaspr\w*)\s*:"
    ),
    servers=("bin/server.dart", "routes/index.dart", "bin/*_server.dart"),
    sources=(".dart",),
    listens=re.compile(
        r"\bHttpServer\.bind|\bshelf_io\.serve|\bio\.serve\(|package:(?:shelf|dart_frog|alfred|serverpod)/"
    ),
    mains=("bin/main.dart", "bin/*.dart", "lib/main.dart", "main.dart"),
    elsewhere=re.compile(r"^\s+sdk:\s*flutter\b|^flutter:|^\s+mode:\s*static\b|^\s+build_web_compilers:"),
    elsewhere_wins=True,
)

_HASKELLS = (
    "servant-server|servant|scotty|yesod(?:-core)?|warp|wai|snap-server|spock|happstack-server|ihp|twain|okapi"
    "|threepenny-gui|airship|obelisk"
)
HASKELL = Language(
    name="Haskell",
    image="haskell:9",
    programs=("stack", "cabal", "runhaskell", "runghc", "ghc"),
    manifests=("stack.yaml", "*.cabal", "package.yaml", "cabal.project"),
    manifest_says=words(
        f"resolver|snapshot|build-depends|ghc-options|base|library|executables?|cabal-version|{_HASKELLS}"
    ),
    frameworks=words(_HASKELLS),
    sources=(".hs", ".lhs"),
    listens=re.compile(
        r"^\s*import\s+(?:qualified\s+)?(?:Web\.(?:Scotty|Spock|Twain)|Servant|Yesod|Network\.Wai(?:\.Handler\.Warp)?|Snap(?:\.\w+)*|Happstack\.Server|"
        r"IHP\.\w+|Network\.HTTP\.Server)\b"
    ),
    mains=("app/main.hs", "main.hs", "src/main.hs", "exe/main.hs", "server/main.hs"),
    elsewhere=words("hakyll|slick|shake|miso|reflex-dom|ghcjs"),
)  # fmt: skip

OCAML = Language(
    name="OCaml",
    image="ocaml/opam:debian-12-ocaml-5.2",
    programs=("dune", "ocaml", "opam", "ocamlrun"),
    built=re.compile(r"(?:\./)?_build/(?:default|install)/"),
    manifests=("dune-project", "*.opam", "esy.json"),
    frameworks=words("dream|opium|ocsigenserver|eliom|sihl|tiny_httpd|httpaf|h2"),
    sources=(".ml",),
    listens=re.compile(r"\bDream\.run\b|\bOpium\.|\bCohttp_\w+\.Server|\bTiny_httpd\b|\bServer\.create\b"),
    elsewhere=words(r"js_of_ocaml(?:-\w+)*|melange"),
    mains=("bin/main.ml", "main.ml", "bin/*.ml", "bin/server.ml"),
)

NIM = Language(
    name="Nim",
    image="nimlang/nim:2.2.0",
    programs=("nim", "nimble"),
    manifests=("*.nimble", "nimble.lock"),
    frameworks=words("jester|prologue|happyx|mummy|httpbeast|httpx|rosencrantz|basolato"),
    runs=re.compile(r"^\s*bin\s*="),
    sources=(".nim",),
    listens=re.compile(
        r"^\s*import\s.*\b(?:jester|prologue|happyx|mummy|httpbeast|asynchttpserver)\b|\bnewAsyncHttpServer\b|\bnewServer\("
    ),
    begins=re.compile(r"^\s*when\s+isMainModule\b"),
    elsewhere=re.compile(r"--?backend:\s*js\b|^\s*backend\s*=\s*\"js\"|\bkarax\b|^\s*import\s.*\bdom\b"),
)

ZIG = Language(
    name="Zig",
    image="debian:bookworm",
    programs=("zig", "jetzig"),
    built=re.compile(r"(?:\./)?zig-out/"),
    manifests=("build.zig", "build.zig.zon"),
    frameworks=words(r"zap|httpz|http\.zig|jetzig|tokamak|zzz|zinc|facil\.io"),
    sources=(".zig",),
    listens=re.compile(
        r"\bstd\.http\.Server\b|\bstd\.net\.Address\b|@import\(\"(?:zap|httpz|jetzig|tokamak|zzz)\"\)|\.listen\("
    ),
    begins=re.compile(r"^\s*pub\s+fn\s+main\s*\("),
    not_mains=re.compile(r"(?:^|/)build\.zig$"),
    mains=("src/main.zig", "main.zig"),
    elsewhere=words("wasm32|freestanding|raylib"),
    library=("src/root.zig", "src/lib.zig"),
)

C = Language(
    name="C or C++",
    image="gcc:14",
    programs=("cmake", "meson", "spawn-fcgi"),
    manifests=("cmakelists.txt", "meson.build"),
    frameworks=words(
        "Crow|drogon|pistache|cpprest(?:sdk)?|oatpp|civetweb|mongoose|(?:lib)?microhttpd|wt|cppcms|(?:cpp-)?httplib"
        "|restinio|uWebSockets|usockets|poco|(?:lib)?fcgi(?:2|pp)?|lwan|userver|(?:lib)?h2o|restbed|proxygen|treefrog"
        "|kore|(?:lib)?evhtp|onion"
    ),
    sources=(".c", ".cc", ".cpp", ".cxx", ".c++"),
    listens=re.compile(
        r"#\s*include\s*[<\"](?:crow(?:_all)?\.h|drogon/|pistache/|httplib\.h|civetweb\.h|mongoose\.h|microhttpd\.h|oatpp/|fcgi\w*\.h|restinio/|cpprest/|"
        r"boost/beast|evhttp|event2/http|libwebsockets)|\bhttplib::Server\b|\bcrow::SimpleApp\b|\b(?:listen|accept)\s*\(\s*\w+\s*,"
    ),
    mains=(
        "main.c", "main.cpp", "main.cc", "src/main.c", "src/main.cpp", "src/main.cc", "src/main.cxx", "server.c", "server.cpp",
        "src/server.cpp", "src/server.c",
    ),
    begins=re.compile(r"^\s*(?:(?:int|auto)\s+)?main\s*\("),
    beside=("binding.gyp",),
    library=("include/*.h", "include/*.hpp", "include/*/*.h", "include/*/*.hpp", "*.hpp"),
    elsewhere=words(r"emscripten|em\+\+|emcc|pybind11|node-addon-api|cmake-js|raylib|SDL2?"),
)  # fmt: skip

ROWS = (GO, RUST, SWIFT, CRYSTAL, DART, HASKELL, OCAML, NIM, ZIG, C)
