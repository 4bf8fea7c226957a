"""Names of files that a static site must not hand out, names much like them that it must, and logins of each kind."""

HIDDEN = (
    "x.php", "x.PHP", "x.php5", "x.php7", "x.phps", "x.php~", "x.php.bak", "x.php.swp", "x.php.txt", "x.php.zip", "x.html.php", "x.phtml",
    "x.pHtml~", "x.pht", "x.erb", "x.html.erb", "x.rhtml", "x.jsp", "x.JSP.bak", "x.jspx", "x.jspf", "x.asp", "x.aspx", "x.aspx.cs", "x.ashx",
    "x.asmx", "x.ascx", "x.asax", "x.cshtml", "x.cfm", "x.cfc", "x.cgi", "x.cgi.old", "x.fcgi", ".htpasswd", ".htpasswd.bak", "users.htpasswd",
    ".env", ".env.local", ".env.example", ".envrc", "prod.env", "app.env.local", "web.config", "Staticfile", "Staticfile~", "Staticfile.bak",
    "Staticfile-old", "staticfile", "STATICFILE.AUTH", "sub/x.php", "sub/Staticfile", "sub/.env.local", "sub/.htpasswd", "WEB-INF/web.xml",
    "web-inf/classes/a.class", "META-INF/context.xml", ".well-known/.env.local", ".well-known/x.php",
)  # fmt: skip
SERVED = (
    "index.html", "x.js", "x.py", "x.go", "x.rb", "x.sh", "x.pl", "x.ts", "x.java", "x.cs", "x.sql", "x.inc", "index.php.html", "index.php.htm",
    "style.php.css", "Learning.ASP.NET.pdf", "Modern.PHP.epub", "Learning.ASP.NET.zip", "php.min.js", "config.env.js", "environment.json",
    "my.envelope.txt", "x.aspen.txt", "php.txt", "cgi.txt", "staticfiles.txt", "static-files/a.txt", "x.phar", "folder.php/a.txt",
    "web-info.txt", ".well-known/security.txt",
)  # fmt: skip
# How the same file may be asked for otherwise.
VARIANTS = (
    "/x%2ephp", "/x.%70hp", "/x.PhP", "/x.php/", "/x.php%2f", "/x.php%20", "/x.php%0a", "/./x.php", "/sub/../x.php", "/sub//x.php", "//x.php",
    "/x.php/a", "/x.php?a=1", "/x.php%3fa", "/x.php;a", "/x.jsp;a=b", "/Staticfile/", "/%53taticfile", "/Staticfile%2Eauth", "/Staticfile.auth",
    "/WEB-INF", "/WEB-INF/", "/%2eenv", "/.%65nv%2elocal", "/link.php", "/folder.php", "/missing.php", "/missing.php/", "/missing.php/a",
    "/missing.aspx", "/missing.jsp%20", "/missing/Staticfile",
)  # fmt: skip
PASSWORD = "correct horse"
# Made with `openssl passwd` and crypt(3): user and hash of that password.
LOGINS = {
    "apr1": "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/",
    "md5": "$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
    "sha256": "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
    "rounds": "$5$rounds=1000$saltsalt$R6e4P8ccT9iMqkYg7Z8YtpId/lfsIfnuPkp8WXposU8",
    "sha512": "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0",
    "bcrypt-a": "$2a$04$saltsaltsaltsaltsaltseYJY8opsoBDGH028mm/4k/xt.KNMDi8e",
    "bcrypt-b": "$2b$05$saltsaltsaltsaltsaltseBi.TfbBmMFhqMaGWJjdQkvGl.9osF7S",
    "bcrypt-y": "$2y$05$saltsaltsaltsaltsaltseBi.TfbBmMFhqMaGWJjdQkvGl.9osF7S",
    "yescrypt": "$y$j9T$saltsaltsalt$nNDsycEBP37XRiK/Qx62iZ4Jbzj3gHJ2kMaWwdseEp/",
    "sha": "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
    "ssha": "{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0",
    "des": "abhfCpXqd4GrI",
    "plain": "{PLAIN}correct horse",
}


def users_file() -> str:
    """Return a Staticfile.auth with a user of each kind of hash, named after it."""
    return "# who may see it\n\n" + "".join(f"{user}:{hashed}\n" for user, hashed in LOGINS.items())
