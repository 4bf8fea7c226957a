"""The rows of languages that run on a virtual machine: JVM, .NET, BEAM. Pure."""

import re

from deployhost.build.detect.languages.language import Language, words

_JVM_FRAMEWORKS = re.compile(
    r"spring[.-]boot|springframework\.boot|spring-web(?:mvc|flux)?|quarkus|micronaut|io\.javalin|\bjavalin\b|spark-core|sparkjava|\bvertx?\b|io\.vertx|dropwizard|"
    r"\bjetty\b|eclipse\.jetty|tomcat|undertow|helidon|jersey|\bktor(?:-server)?\b(?!-)|io\.ktor(?!:ktor-client)|http4k|jakarta\.(?:servlet|ws|ee|jakartaee)|javax\.(?:servlet|ws|javaee)|wildfly|"
    r"struts|vaadin|grails|ratpack|armeria|playframework|<packaging>\s*war\s*</|\bid\s*\(?[\"']war[\"']|apply\s+plugin:\s*[\"']war[\"']|^\s*war\s*$|gretty|open-liberty|payara|"
    r"grpc-netty|netty-all|javaee-api|jooby|blade-mvc|pippo|ninja-core|jhipster"
)
_JVM_LISTENS = re.compile(
    r"@SpringBootApplication|SpringApplication\.run|@RestController|@WebServlet|extends\s+HttpServlet|HttpServer\.create|\bJavalin\.create|new\s+ServerSocket\(|"
    r"\bembeddedServer\s*\(|io\.ktor\.server|Undertow\.builder|Vertx\.vertx|QuarkusApplication|@QuarkusMain|Micronaut\.run|\bnew\s+Server\(\d|"
    r"\brunApplication\s*<|spark\.Spark|EngineMain"
)
_PHONE = re.compile(
    r"com\.android\.(?:application|library)|plugins\.android\.|android\s*\{|net\.minecraft|fabric-loom|minecraft|spigot|paperweight|intellij|libgdx|javafx|openjfx"
)
_MAVEN = ("pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "build.xml")

KOTLIN = Language(
    name="Kotlin",
    image="eclipse-temurin:21",
    programs=("kotlin", "kotlinc"),
    manifests=_MAVEN,
    manifest_says=re.compile(
        r"kotlin\s*\(|org\.jetbrains\.kotlin|kotlin-(?:maven|gradle)-plugin|\bktor\b|http4k", re.IGNORECASE
    ),
    needs_source=True,
    frameworks=_JVM_FRAMEWORKS,
    sources=(".kt",),
    listens=_JVM_LISTENS,
    mains=("src/main.kt", "main.kt", "src/main/kotlin/main.kt", "src/main/kotlin/application.kt"),
    begins=re.compile(r"^\s*(?:suspend\s+)?fun\s+main\s*\("),
    elsewhere=_PHONE,
    elsewhere_wins=True,
)

JAVA = Language(
    name="Java",
    image="eclipse-temurin:21",
    programs=("java", "mvn", "mvnw", "gradle", "gradlew", "catalina.sh", "jbang", "groovy", "grails"),
    built=re.compile(r"(?:\./)?(?:build/install/|target/(?:bin|appassembler)/)|.*\.(?:jar|war)"),
    manifests=_MAVEN,
    frameworks=_JVM_FRAMEWORKS,
    tools=re.compile(r"frontend-maven-plugin|com\.github\.node-gradle"),
    servers=(
        "src/main/resources/application.properties",
        "src/main/resources/application.yml",
        "src/main/resources/application.yaml",
        "web-inf/web.xml",
        "*/web-inf/web.xml",
        "*/*/web-inf/web.xml",
        "src/main/webapp/web-inf/web.xml",
        "grails-app/conf/*.groovy",
        "ratpack.groovy",
        "src/ratpack/ratpack.groovy",
    ),
    sources=(".java", ".groovy"),
    listens=_JVM_LISTENS,
    mains=("src/main.java", "main.java", "app.java", "server.java"),
    begins=re.compile(r"\bpublic\s+static\s+void\s+main\s*\("),
    elsewhere=_PHONE,
    elsewhere_wins=True,
)

JSP = Language(name="JSP", image="tomcat:10", pages=(".jsp", ".jspx", ".jspf"))

SCALA = Language(
    name="Scala",
    image="sbtscala/scala-sbt:eclipse-temurin-21_1.10_3",
    programs=("sbt", "scala", "scala-cli", "mill", "activator"),
    built=re.compile(r"(?:\./)?target/universal/"),
    manifests=("build.sbt", "build.sc", "project.scala", "build.mill"),
    frameworks=words(
        r"akka-http(?:-\w+)?|pekko-http(?:-\w+)?|play(?:-\w+)?|Play(?:Scala|Java|Service)|http4s(?:-[\w-]+)?|zio-http"
        r"|scalatra|finatra(?:-[\w-]+)?|finch|cask|tapir|lift(?:-webkit)?|twitter-server|vertx"
    ),
    sources=(".scala",),
    listens=re.compile(r"\bHttp\(\)\.(?:bind|newServerAt)|\b(?:Blaze|Ember)ServerBuilder\b|\bcask\.\w*Routes\b|zio\.http|extends\s+(?:ScalatraServlet|IOApp)"),
    mains=("src/main/scala/main.scala", "main.scala", "src/main/scala/server.scala", "app/controllers/*.scala"),
    begins=re.compile(r"\bdef\s+main\s*\(|\bextends\s+(?:App|IOApp|ZIOAppDefault)\b|@main\b"),
    elsewhere=re.compile(r"ScalaJSPlugin|ScalaJSModule|sbt-scalajs"),
)  # fmt: skip

CLOJURE = Language(
    name="Clojure",
    image="clojure:temurin-21-tools-deps",
    programs=("lein", "clojure", "clj"),
    manifests=("project.clj", "deps.edn", "build.boot", "bb.edn"),
    frameworks=re.compile(
        r"\b(?:ring(?:/[\w-]+)?|compojure|http-kit|pedestal[\w./-]*|luminus[\w-]*|reitit|aleph|jetty|immutant|bidi|yada|liberator|biff|kit-clj|duct)(?=[\s/\]}\"]|$)"
    ),
    sources=(".clj", ".cljc"),
    listens=re.compile(r"\brun-(?:jetty|server)\b|ring\.adapter|org\.httpkit\.server|io\.pedestal"),
    mains=("src/*/core.clj", "src/core.clj", "src/*/server.clj", "src/*/main.clj"),
    begins=re.compile(r"\(defn\s+-main\b"),
    elsewhere=re.compile(r"\borg\.clojure/clojurescript\b|\bshadow-cljs\b"),
)

ASP = Language(name="Classic ASP", image="mcr.microsoft.com/windows/servercore/iis", pages=(".asp", ".asa"))

DOTNET = Language(
    name=".NET",
    image="mcr.microsoft.com/dotnet/sdk:9.0",
    programs=("dotnet", "mono", "xsp4"),
    built=re.compile(r".*\.dll"),
    pages=(".aspx", ".ashx", ".asmx", ".ascx", ".asax", ".svc", ".cshtml", ".vbhtml"),
    manifests=("*.csproj", "*.fsproj", "*.vbproj", "*.sln", "*.slnx", "global.json"),
    frameworks=re.compile(
        r"Microsoft\.NET\.Sdk\.(?:Web|Worker)\b|AspNetCore|\b(?:Giraffe|Suave|Saturn|Falco|Nancy|ServiceStack|Carter|FastEndpoints)\b|System\.Web\b"
    ),
    servers=("startup.cs",),
    sources=(".cs", ".fs", ".vb"),
    listens=re.compile(
        r"\bWebApplication\.Create|\bWebHost\.CreateDefault|\bUseStartup<|\bHttpListener\b|\bMapGet\(|\bstartWebServer\b|\bWebHostBuilder\b|AspNetCore|ConfigureWebHost"
    ),
    mains=("program.cs", "program.fs", "*/program.cs", "src/*/program.cs", "src/program.cs", "main.cs"),
    elsewhere_wins=True,
    elsewhere=re.compile(
        r"Sdk\.BlazorWebAssembly|Sdk\.WebAssembly|Fable\.Core|UnityEngine|UnityEditor|net\d[\d.]*-(?:android|ios|windows)|UseWPF|UseWindowsForms|UseMaui|Godot\.NET\.Sdk"
    ),
)

ELIXIR = Language(
    name="Elixir",
    image="elixir:1.18",
    programs=("mix", "elixir", "iex"),
    built=re.compile(r"(?:\./)?_build/(?:prod|dev)/"),
    pages=(".heex", ".leex", ".html.eex"),
    manifests=("mix.exs", "mix.lock"),
    frameworks=re.compile(
        r":(?:phoenix(?:_live_view)?(?!_)|plug(?:_cowboy)?|bandit|cowboy|raxx\w*|maru|ash_\w+|wisp)\b"
    ),
    sources=(".ex", ".exs"),
    listens=re.compile(
        r"\bPlug\.(?:Router|Cowboy)|\bBandit\b|\bPhoenix\.Endpoint\b|:gen_tcp\.listen|:cowboy\.|\bMix\.install\b.*:(?:plug|bandit|phoenix)"
    ),
    mains=("lib/*/application.ex", "lib/application.ex"),
)

ERLANG = Language(
    name="Erlang",
    image="erlang:27",
    programs=("erl", "rebar3", "rebar", "escript"),
    built=re.compile(r"(?:\./)?_build/default/rel/"),
    manifests=("rebar.config", "rebar.lock", "erlang.mk", "*.app.src"),
    frameworks=words("cowboy|elli|yaws|mochiweb|webmachine|nova|chicagoboss|n2o|leptus|axiom"),
    sources=(".erl",),
    listens=re.compile(r"\bcowboy:start_\w+|\belli:start_link|\bgen_tcp:listen|\binets:start\(httpd|\bmochiweb_http:"),
    mains=("src/*_app.erl", "src/*_sup.erl"),
)

GLEAM = Language(
    name="Gleam",
    image="ghcr.io/gleam-lang/gleam:v1-erlang-alpine",
    programs=("gleam",),
    manifests=("gleam.toml",),
    frameworks=re.compile(r"^\s*(?:wisp|mist|glen|elli|gleam_cowboy|gleam_elli|ewe|dream)\s*="),
    sources=(".gleam",),
    listens=re.compile(r"^\s*import\s+(?:mist|wisp|glen|gleam/http/(?:elli|cowboy))\b"),
    begins=re.compile(r"^\s*pub\s+fn\s+main\b"),
    elsewhere=re.compile(r"^\s*target\s*=\s*\"javascript\"|^\s*lustre\s*="),
)

ROWS = (JSP, KOTLIN, JAVA, SCALA, CLOJURE, ASP, DOTNET, ELIXIR, ERLANG, GLEAM)
