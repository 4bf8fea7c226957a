"""Small trees as people write them: servers in languages that are not built here, and apps beside which such a language only seems to be."""

import json
from dataclasses import dataclass

PAGE = "<!doctype html>\n<title>shop</title>\n<h1>shop</h1>\n"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
EXPRESS = "const express = require('express');\nexpress().listen(process.env.PORT);\n"
GO = 'package main\n\nimport "net/http"\n\nfunc main() {\n\thttp.ListenAndServe(":8080", nil)\n}\n'
GO_MOD = "module example.com/shop\n\ngo 1.22\n"
GIN_MOD = GO_MOD + "\nrequire github.com/gin-gonic/gin v1.10.0\n"
GIN = 'package main\n\nimport "github.com/gin-gonic/gin"\n\nfunc main() {\n\tgin.Default().Run()\n}\n'
AXUM = '[package]\nname = "shop"\nversion = "0.1.0"\n\n[dependencies]\naxum = "0.7"\ntokio = { version = "1", features = ["full"] }\n'
GO_HELLO = 'package main\n\nfunc main() {\n\tprintln("hello")\n}\n'
MAIN_RS = 'fn main() {\n    println!("hello");\n}\n'
CRATE = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
RAILS = 'source "https://rubygems.org"\n\ngem "rails", "~> 7.1"\ngem "puma"\n'
SPRING = (
    "<project>\n  <parent>\n    <groupId>org.springframework.boot</groupId>\n"
    "    <artifactId>spring-boot-starter-parent</artifactId>\n  </parent>\n</project>\n"
)
COMPOSER_LARAVEL = '{"require": {"php": "^8.2", "laravel/framework": "^11.0"}}\n'


def package(**keys: object) -> str:
    """Return a package.json."""
    return json.dumps(keys, indent=2) + "\n"


VITE = package(scripts={"dev": "vite", "build": "vite build"}, devDependencies={"vite": "^6"})
HUGO = package(scripts={"build": "hugo --minify"}, devDependencies={"hugo-bin": "0.140"})
ESBUILD = package(
    scripts={"build": "esbuild app/javascript/*.* --bundle --outdir=app/assets/builds"},
    devDependencies={"esbuild": "^0.24"},
)


@dataclass(frozen=True)
class Refused:
    """A tree that is not built: the language that is named (or a word of the message), and the file that shows it."""

    name: str
    files: dict[str, str]
    language: str
    path: str


@dataclass(frozen=True)
class Kept:
    """A tree that is built: its runtime and a part of its start."""

    name: str
    files: dict[str, str]
    runtime: str
    start: str


REFUSED = (
    # PHP
    Refused(
        "php beside a page",
        {"index.html": PAGE, "config.php": "<?php $password = 'x';", "contact.php": "<?php mail();"},
        "PHP",
        "config.php",
    ),
    Refused("php alone", {"index.php": "<?php echo 1;"}, "PHP", "index.php"),
    Refused("php in a folder", {"index.html": PAGE, "forms/contact.php": "<?php mail();"}, "PHP", "forms/contact.php"),
    Refused("php in capitals", {"index.html": PAGE, "CONTACT.PHP": "<?php mail();"}, "PHP", "CONTACT.PHP"),
    Refused("phtml", {"index.html": PAGE, "views/list.phtml": "<?= 1 ?>"}, "PHP", "views/list.phtml"),
    Refused(
        "vite with a form handler",
        {"package.json": VITE, "index.html": PAGE, "public/send.php": "<?php mail();"},
        "PHP",
        "public/send.php",
    ),
    Refused(
        "laravel",
        {
            "composer.json": COMPOSER_LARAVEL,
            "artisan": "#!/usr/bin/env php\n",
            "public/index.php": "<?php",
            "routes/web.php": "<?php",
            "package.json": package(
                scripts={"dev": "vite", "build": "vite build"},
                devDependencies={"vite": "^5", "laravel-vite-plugin": "^1"},
            ),
        },
        "PHP",
        "",
    ),
    Refused(
        "laravel by its composer.json only",
        {"composer.json": COMPOSER_LARAVEL, "public/index.html": PAGE},
        "PHP",
        "composer.json",
    ),
    Refused(
        "symfony with encore",
        {
            "composer.json": '{"require": {"symfony/framework-bundle": "7.*"}}',
            "public/index.php": "<?php",
            "src/Kernel.php": "<?php",
            "package.json": package(
                scripts={"build": "encore production"}, devDependencies={"@symfony/webpack-encore": "4"}
            ),
        },
        "PHP",
        "",
    ),
    Refused(
        "wordpress theme",
        {"package.json": package(scripts={"build": "wp-scripts build"}), "functions.php": "<?php", "style.css": ""},
        "PHP",
        "functions.php",
    ),
    Refused(
        "php by its Procfile",
        {"Procfile": "web: vendor/bin/heroku-php-apache2 public/\n", "public/index.html": PAGE},
        "PHP",
        "Procfile",
    ),
    Refused(
        "php by a start script",
        {"package.json": package(scripts={"start": "php -S 0.0.0.0:8080"}), "index.html": PAGE},
        "PHP",
        "package.json",
    ),
    # CGI and Perl
    Refused(
        "perl cgi", {"index.html": PAGE, "cgi-bin/form.pl": "#!/usr/bin/perl\nuse CGI;\n"}, "Perl", "cgi-bin/form.pl"
    ),
    Refused("cgi", {"index.html": PAGE, "cgi-bin/form.cgi": "#!/usr/bin/perl\nprint 1;"}, "CGI", "cgi-bin/form.cgi"),
    Refused("cgi at the root", {"index.html": PAGE, "guestbook.cgi": "#!/usr/bin/perl\n"}, "CGI", "guestbook.cgi"),
    Refused(
        "cgi in python",
        {"index.html": PAGE, "cgi-bin/form.py": "#!/usr/bin/python3\nprint('x')\n"},
        "CGI",
        "cgi-bin/form.py",
    ),
    Refused("cgi in shell", {"index.html": PAGE, "cgi-bin/form.sh": "#!/bin/sh\necho\n"}, "CGI", "cgi-bin/form.sh"),
    Refused(
        "mojolicious", {"app.pl": "use Mojolicious::Lite;\napp->start;\n", "public/index.html": PAGE}, "Perl", "app.pl"
    ),
    Refused("psgi", {"app.psgi": "my $app = sub {};\n", "static/index.html": PAGE}, "Perl", "app.psgi"),
    Refused(
        "dancer",
        {"cpanfile": "requires 'Dancer2';\n", "bin/app.pl": "use Dancer2;\n", "public/index.html": PAGE},
        "Perl",
        "cpanfile:1",
    ),
    # Ruby
    Refused(
        "rails with a page",
        {"Gemfile": RAILS, "config/application.rb": "", "public/index.html": PAGE},
        "Ruby",
        "config/application.rb",
    ),
    Refused(
        "rails with jsbundling",
        {"Gemfile": RAILS, "config.ru": "run Rails.application\n", "bin/rails": "", "package.json": ESBUILD},
        "Ruby",
        "config.ru",
    ),
    Refused(
        "gemfile and a page",
        {"Gemfile": "source 'https://rubygems.org'\ngem 'sinatra'\n", "public/index.html": PAGE},
        "Ruby",
        "Gemfile",
    ),
    Refused("gemfile of unknown gems", {"Gemfile": "gem 'nokogiri'\n", "public/index.html": PAGE}, "Ruby", "Gemfile"),
    Refused(
        "sinatra without a gemfile",
        {"app.rb": "require 'sinatra'\nget('/') { 'x' }\n", "public/index.html": PAGE},
        "Ruby",
        "app.rb",
    ),
    Refused(
        "rack", {"config.ru": "run ->(env) { [200, {}, ['x']] }\n", "public/index.html": PAGE}, "Ruby", "config.ru"
    ),
    Refused(
        "ruby by its Procfile",
        {"Procfile": "web: bundle exec puma -C config/puma.rb\n", "public/index.html": PAGE},
        "Ruby",
        "Procfile",
    ),
    Refused(
        "ruby by its Procfile, beside package.json",
        {"Procfile": "web: bundle exec rails server -p $PORT\n", "package.json": ESBUILD, "Gemfile": RAILS},
        "Ruby",
        "Procfile",
    ),
    Refused(
        "ruby by its Procfile, wrapped",
        {"Procfile": "web: cd api && exec env A=1 bundle exec rackup\n", "index.html": PAGE},
        "Ruby",
        "Procfile",
    ),
    Refused(
        "ruby by its Procfile, in a shell",
        {"Procfile": "web: sh -c 'bundle exec puma'\n", "index.html": PAGE},
        "Ruby",
        "Procfile",
    ),
    Refused("erb pages", {"index.html": PAGE, "views/index.html.erb": "<%= 1 %>"}, "Ruby", "views/index.html.erb"),
    Refused("rails without a page", {"Gemfile": RAILS, "config/application.rb": ""}, "Ruby", "config/application.rb"),
    Refused(
        "rails with a start script of tools",
        {
            "Gemfile": RAILS,
            "config.ru": "",
            "package.json": package(scripts={"start": "webpack --watch"}, devDependencies={"webpack": "5"}),
        },
        "Ruby",
        "config.ru",
    ),
    # Go
    Refused("go and a page at the root", {"go.mod": GO_MOD, "main.go": GO, "index.html": PAGE}, "Go", "main.go"),
    Refused("go and docs", {"go.mod": GO_MOD, "main.go": GO, "docs/index.html": PAGE}, "Go", "main.go"),
    Refused(
        "go and static",
        {"go.mod": GO_MOD, "main.go": "package main\n\nfunc main() {}\n", "static/index.html": PAGE},
        "Go",
        "main.go",
    ),
    Refused("go with gin", {"go.mod": GIN_MOD, "main.go": GIN, "public/index.html": PAGE}, "Go", "main.go:6"),
    Refused(
        "go in cmd", {"go.mod": GO_MOD, "cmd/shop/main.go": GO, "static/index.html": PAGE}, "Go", "cmd/shop/main.go"
    ),
    Refused(
        "go with a package.json that builds",
        {"go.mod": GO_MOD, "main.go": GO, "package.json": VITE, "index.html": PAGE},
        "Go",
        "main.go",
    ),
    Refused("go without go.mod", {"main.go": GO, "index.html": PAGE}, "Go", "main.go"),
    Refused(
        "go below, a client at the root",
        {"package.json": VITE, "index.html": PAGE, "server/go.mod": GO_MOD, "server/main.go": GO},
        "Go",
        "server/main.go",
    ),
    Refused(
        "go by a start script",
        {"package.json": package(scripts={"start": "go run ."}), "index.html": PAGE, "main.txt": ""},
        "Go",
        "package.json",
    ),
    Refused(
        "go with a script of Python's",
        {
            "go.mod": GO_MOD,
            "main.go": GO,
            "deploy.py": "import subprocess\nif __name__ == '__main__':\n    subprocess.run(['x'])\n",
        },
        "Go",
        "main.go",
    ),
    Refused(
        "go with many files",
        {"go.work": "go 1.22\nuse ./api\n", "api/go.mod": GIN_MOD, "api/main.go": GIN, "static/index.html": PAGE},
        "Go",
        "api/main.go",
    ),
    # Rust
    Refused(
        "rust with axum", {"Cargo.toml": AXUM, "src/main.rs": MAIN_RS, "static/index.html": PAGE}, "Rust", "Cargo.toml"
    ),
    Refused("rust by its manifest", {"Cargo.toml": CRATE, "static/index.html": PAGE}, "Rust", "Cargo.toml"),
    Refused(
        "rust program", {"Cargo.toml": CRATE, "src/main.rs": MAIN_RS, "public/index.html": PAGE}, "Rust", "src/main.rs"
    ),
    Refused(
        "rust with sockets",
        {
            "Cargo.toml": CRATE,
            "src/main.rs": 'use std::net::TcpListener;\nfn main() {\n    TcpListener::bind("0.0.0.0:80");\n}\n',
            "docs/index.html": PAGE,
        },
        "Rust",
        "src/main.rs",
    ),
    Refused(
        "rust workspace",
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
            "crates/api/Cargo.toml": AXUM,
            "crates/api/src/main.rs": MAIN_RS,
            "public/index.html": PAGE,
        },
        "Rust",
        "crates/api/Cargo.toml",
    ),
    Refused(
        "rust with a client of Vite's",
        {"Cargo.toml": AXUM, "src/main.rs": MAIN_RS, "package.json": VITE, "index.html": PAGE},
        "Rust",
        "Cargo.toml",
    ),
    Refused(
        "leptos",
        {
            "Cargo.toml": CRATE
            + '\n[dependencies]\nleptos = "0.6"\nleptos_axum = { version = "0.6", optional = true }\n',
            "src/main.rs": MAIN_RS,
            "public/index.html": PAGE,
        },
        "Rust",
        "Cargo.toml",
    ),
    Refused(
        "rust by its Procfile", {"Procfile": "web: ./target/release/shop\n", "index.html": PAGE}, "Rust", "Procfile"
    ),
    # Deno
    Refused("deno by its manifest", {"deno.json": "{}", "static/index.html": PAGE}, "Deno", "deno.json"),
    Refused(
        "deno task",
        {
            "deno.json": '{\n  "tasks": {"start": "deno run -A main.ts"}\n}',
            "main.ts": "Deno.serve(() => new Response('x'));",
            "static/index.html": PAGE,
        },
        "Deno",
        "main.ts:1",
    ),
    Refused(
        "deno without a manifest",
        {"server.ts": "Deno.serve(() => new Response('x'));", "index.html": PAGE},
        "Deno",
        "server.ts",
    ),
    Refused(
        "deno oak",
        {
            "server.ts": 'import { Application } from "https://deno.land/x/oak/mod.ts";\nnew Application().listen({ port: 8000 });\n'
        },
        "Deno",
        "server.ts",
    ),
    Refused(
        "fresh",
        {
            "deno.json": '{"imports": {"$fresh/": "https://deno.land/x/fresh@1.6/"}}',
            "fresh.gen.ts": "",
            "static/index.html": PAGE,
        },
        "Deno",
        "fresh.gen.ts",
    ),
    Refused(
        "deno by a start script",
        {
            "package.json": package(scripts={"start": "deno run -A main.ts"}),
            "main.ts": "Deno.serve(() => new Response('x'))",
        },
        "Deno",
        "",
    ),
    # JVM
    Refused(
        "spring",
        {
            "pom.xml": SPRING,
            "src/main/java/App.java": "@SpringBootApplication\nclass App {}\n",
            "public/index.html": PAGE,
        },
        "Java",
        "pom.xml",
    ),
    Refused("maven alone", {"pom.xml": "<project></project>", "static/index.html": PAGE}, "Java", "pom.xml"),
    Refused(
        "gradle",
        {
            "build.gradle": "plugins { id 'org.springframework.boot' version '3.3.0' }\n",
            "src/main/java/App.java": "class App {}\n",
            "index.html": PAGE,
        },
        "Java",
        "build.gradle",
    ),
    Refused(
        "javalin",
        {
            "build.gradle.kts": 'dependencies { implementation("io.javalin:javalin:6.1.3") }\n',
            "src/main/java/App.java": "class App {}",
            "static/index.html": PAGE,
        },
        "Java",
        "build.gradle.kts",
    ),
    Refused(
        "ktor",
        {
            "build.gradle.kts": 'plugins { kotlin("jvm") version "2.0.0"\n id("io.ktor.plugin") version "2.3.0" }\n',
            "src/main/kotlin/Application.kt": "fun main() { embeddedServer(Netty, 8080) {}.start() }\n",
            "static/index.html": PAGE,
        },
        "Kotlin",
        "src/main/kotlin/Application.kt:1",
    ),
    Refused(
        "jhipster",
        {
            "pom.xml": SPRING,
            "package.json": package(
                scripts={"start": "ng serve --hmr", "build": "ng build"}, devDependencies={"@angular/cli": "17"}
            ),
            "src/main/webapp/index.html": PAGE,
        },
        "Java",
        "pom.xml",
    ),
    Refused("jsp", {"index.html": PAGE, "cart.jsp": "<%= 1 %>"}, "JSP", "cart.jsp"),
    Refused("war", {"index.html": PAGE, "WEB-INF/web.xml": "<web-app/>"}, "Java", "WEB-INF/web.xml"),
    Refused(
        "java by its Procfile",
        {"Procfile": "web: java -jar target/shop.jar\n", "public/index.html": PAGE},
        "Java",
        "Procfile",
    ),
    Refused(
        "java without a build",
        {"Server.java": "class Server {\n  HttpServer s = HttpServer.create();\n}\n", "index.html": PAGE},
        "Java",
        "Server.java",
    ),
    Refused(
        "play",
        {
            "build.sbt": 'lazy val root = (project in file(".")).enablePlugins(PlayScala)\n',
            "conf/routes": "GET / controllers.Home.index\n",
            "public/index.html": PAGE,
        },
        "Scala",
        "build.sbt",
    ),
    Refused(
        "akka",
        {
            "build.sbt": 'libraryDependencies += "com.typesafe.akka" %% "akka-http" % "10"\n',
            "src/main/scala/Main.scala": "",
            "public/index.html": PAGE,
        },
        "Scala",
        "build.sbt",
    ),
    Refused(
        "scala by its Procfile",
        {"Procfile": "web: target/universal/stage/bin/shop\n", "public/index.html": PAGE},
        "Scala",
        "Procfile",
    ),
    Refused(
        "clojure",
        {
            "project.clj": '(defproject shop "1"\n  :dependencies [[ring/ring-jetty-adapter "1.12"] [compojure "1.7"]])\n',
            "src/shop/core.clj": "(ns shop.core)",
            "public/index.html": PAGE,
        },
        "Clojure",
        "project.clj",
    ),
    Refused(
        "clojure deps",
        {
            "deps.edn": '{:deps {ring/ring-core {:mvn/version "1"}}}\n',
            "src/shop/core.clj": "(defn -main [])",
            "public/index.html": PAGE,
        },
        "Clojure",
        "deps.edn",
    ),
    # BEAM
    Refused(
        "phoenix",
        {
            "mix.exs": 'defp deps do\n  [{:phoenix, "~> 1.7"}]\nend\n',
            "lib/shop_web/router.ex": "",
            "assets/package.json": "{}",
            "public/index.html": PAGE,
        },
        "Elixir",
        "mix.exs",
    ),
    Refused(
        "elixir",
        {"mix.exs": "defmodule Shop.MixProject do\nend\n", "lib/shop.ex": "", "static/index.html": PAGE},
        "Elixir",
        "mix.exs",
    ),
    Refused(
        "elixir by its Procfile", {"Procfile": "web: mix phx.server\n", "static/index.html": PAGE}, "Elixir", "Procfile"
    ),
    Refused(
        "erlang",
        {"rebar.config": "{deps, [cowboy]}.\n", "src/shop_app.erl": "", "static/index.html": PAGE},
        "Erlang",
        "rebar.config",
    ),
    Refused(
        "gleam",
        {
            "gleam.toml": 'name = "shop"\n[dependencies]\nwisp = "~> 1.0"\nmist = "~> 2.0"\n',
            "src/shop.gleam": "",
            "static/index.html": PAGE,
        },
        "Gleam",
        "gleam.toml",
    ),
    Refused(
        "gleam without a page",
        {"gleam.toml": 'name = "shop"\n', "src/shop.gleam": "pub fn main() {}"},
        "Gleam",
        "src/shop.gleam",
    ),
    # .NET
    Refused(
        "asp.net",
        {
            "Shop.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>',
            "Program.cs": "var app = WebApplication.Create();",
            "static/index.html": PAGE,
        },
        ".NET",
        "Program.cs:1",
    ),
    Refused(
        "asp.net beside a client",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "api/Api.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"/>',
            "api/Program.cs": "",
        },
        ".NET",
        "api/Api.csproj",
    ),
    Refused(
        "giraffe",
        {
            "Shop.fsproj": '<Project><PackageReference Include="Giraffe" /></Project>',
            "Program.fs": "",
            "public/index.html": PAGE,
        },
        ".NET",
        "Shop.fsproj",
    ),
    Refused(
        "aspx",
        {"index.html": PAGE, "Default.aspx": '<%@ Page Language="C#" %>', "Web.config": "<configuration/>"},
        ".NET",
        "Default.aspx",
    ),
    Refused("classic asp", {"index.html": PAGE, "send.asp": "<% Response.Write 1 %>"}, "Classic ASP", "send.asp"),
    Refused("razor", {"index.html": PAGE, "Pages/Index.cshtml": "@page"}, ".NET", "Pages/Index.cshtml"),
    # others
    Refused(
        "coldfusion",
        {"index.html": PAGE, "Application.cfc": "component {}", "list.cfm": "<cfoutput>"},
        "ColdFusion",
        "",
    ),
    Refused(
        "vapor",
        {
            "Package.swift": '// swift-tools-version:5.9\nlet x = .package(url: "https://github.com/vapor/vapor.git", from: "4.89.0")\n',
            "Sources/App/entrypoint.swift": "@main struct E {}",
            "Public/x.css": "",
            "public/index.html": PAGE,
        },
        "Swift",
        "Package.swift",
    ),
    Refused(
        "kemal",
        {
            "shard.yml": "name: shop\ndependencies:\n  kemal:\n    github: kemalcr/kemal\n",
            "src/shop.cr": 'require "kemal"\n',
            "public/index.html": PAGE,
        },
        "Crystal",
        "shard.yml:3",
    ),
    Refused(
        "nim jester",
        {
            "shop.nimble": 'version = "0.1.0"\nbin = @["shop"]\nrequires "nim >= 2.0.0"\nrequires "jester#head"\n',
            "src/shop.nim": 'import jester\n\nroutes:\n  get "/":\n    resp "hello"\n',
            "public/index.html": PAGE,
        },
        "Nim",
        "shop.nimble:4",
    ),
    Refused(
        "nim with the standard library's server",
        {
            "shop.nimble": 'version = "0.1.0"\nbin = @["shop"]\n',
            "src/shop.nim": "import std/[asynchttpserver, asyncdispatch]\nlet server = newAsyncHttpServer()\n",
            "index.html": PAGE,
        },
        "Nim",
        "src/shop.nim:1",
    ),
    Refused("nim by its Procfile", {"Procfile": "web: nimble run\n", "static/index.html": PAGE}, "Nim", "Procfile"),
    Refused(
        "dart shelf",
        {
            "pubspec.yaml": "name: shop\ndependencies:\n  shelf: ^1.4.0\n",
            "bin/server.dart": "",
            "public/index.html": PAGE,
        },
        "Dart",
        "bin/server.dart",
    ),
    Refused(
        "dart frog",
        {
            "pubspec.yaml": "name: shop\ndependencies:\n  dart_frog: ^1.0.0\n",
            "routes/hello.dart": "",
            "public/index.html": PAGE,
        },
        "Dart",
        "pubspec.yaml",
    ),
    Refused(
        "scotty",
        {
            "shop.cabal": "executable shop\n  build-depends: base, scotty\n",
            "app/Main.hs": "import Web.Scotty\n",
            "static/index.html": PAGE,
        },
        "Haskell",
        "",
    ),
    Refused(
        "stack",
        {
            "stack.yaml": "resolver: lts-22.0\n",
            "package.yaml": "executables:\n  shop:\n    main: Main.hs\n",
            "app/Main.hs": "main = pure ()",
            "static/index.html": PAGE,
        },
        "Haskell",
        "app/Main.hs",
    ),
    Refused(
        "zig",
        {
            "build.zig": 'const std = @import("std");\n',
            "src/main.zig": "pub fn main() !void {}\n",
            "static/index.html": PAGE,
        },
        "Zig",
        "src/main.zig",
    ),
    Refused(
        "zig zap",
        {
            "build.zig.zon": ".{ .dependencies = .{ .zap = .{} } }\n",
            "build.zig": "",
            "src/main.zig": '@import("zap")',
            "static/index.html": PAGE,
        },
        "Zig",
        "",
    ),
    Refused(
        "c++ with crow",
        {
            "CMakeLists.txt": "find_package(Crow)\n",
            "main.cpp": '#include "crow.h"\nint main() {}\n',
            "static/index.html": PAGE,
        },
        "C or C++",
        "main.cpp:1",
    ),
    Refused(
        "c with meson",
        {
            "meson.build": "executable('shop', 'main.c')\n",
            "main.c": "int main(void) { return 0; }\n",
            "static/index.html": PAGE,
        },
        "C or C++",
        "main.c",
    ),
    Refused(
        "ocaml dream",
        {
            "dune-project": "(lang dune 3.0)\n(depends dream)\n",
            "bin/main.ml": "let () = Dream.run",
            "static/index.html": PAGE,
        },
        "OCaml",
        "bin/main.ml:1",
    ),
    Refused("shiny", {"app.R": "library(shiny)\nshinyApp(ui, server)\n", "www/index.html": PAGE}, "R", "app.R"),
    Refused(
        "julia",
        {"Project.toml": '[deps]\nGenie = "c43c736e"\n', "src/Shop.jl": "", "public/index.html": PAGE},
        "Julia",
        "Project.toml",
    ),
    # What only looks like something of Node's or Python's beside them
    Refused(
        "go beside the scripts of a client",
        {
            "go.mod": GO_MOD,
            "main.go": GO,
            "package.json": package(scripts={"start": "node scripts/start.js", "build": "node scripts/build.js"}),
            "scripts/start.js": "require('webpack')",
        },
        "Go",
        "main.go:6",
    ),
    Refused(
        "go beside a helper that runs",
        {
            "go.mod": GIN_MOD,
            "main.go": "package main\n\nfunc main() {}\n",
            "deploy.py": "def run():\n    pass\n\nif __name__ == '__main__':\n    run()\n",
        },
        "Go",
        "go.mod",
    ),
    Refused(
        "slim beside a watcher",
        {
            "composer.json": '{"require": {"slim/slim": "4"}}',
            "public/index.php": "<?php",
            "package.json": package(scripts={"start": "webpack --watch"}, devDependencies={"webpack": "5"}),
        },
        "PHP",
        "composer.json",
    ),
    Refused(
        "php beside a page's script that listens",
        {"index.php": "<?php", "main.js": "history.listen(update)"},
        "PHP",
        "index.php",
    ),
    Refused(
        "java in com.example",
        {
            "pom.xml": "<project/>",
            "package.json": VITE,
            "index.html": PAGE,
            "src/main/java/com/example/Server.java": "class Server {\n  public static void main(String[] a) { HttpServer.create(); }\n}\n",
        },
        "Java",
        "src/main/java/com/example/Server.java:2",
    ),
    Refused(
        "play in java",
        {
            "build.sbt": "lazy val root = project.enablePlugins(PlayJava)\n",
            "app/controllers/Home.java": "class Home {}",
            "package.json": ESBUILD,
        },
        "Scala",
        "build.sbt",
    ),
    Refused(
        "rust with a named binary",
        {
            "Cargo.toml": '[package]\nname = "s"\n[dependencies]\naxum = "0.7"\n[[bin]]\nname = "s"\npath = "src/server.rs"\n',
            "src/lib.rs": "",
            "src/server.rs": "fn main() {}\n",
            "static/index.html": PAGE,
        },
        "Rust",
        "Cargo.toml",
    ),
    Refused(
        "go by its go.mod",
        {"go.mod": GO_MOD + "require github.com/go-chi/chi/v5 v5.0.12\n", "static/index.html": PAGE},
        "Go",
        "go.mod",
    ),
    Refused("go in a folder of two words", {"index.html": PAGE, "server-go/main.go": GO}, "Go", "server-go/main.go:6"),
    Refused(
        "a program below the root that is served",
        {"index.html": PAGE, "shop/go.mod": GO_MOD, "shop/main.go": "package main\n"},
        "Go",
        "shop/main.go",
    ),
    Refused(
        "php in one long line",
        {
            "composer.json": '{"description": "' + "x" * 3000 + '", "require": {"slim/slim": "4"}}',
            "docs/index.html": PAGE,
        },
        "PHP",
        "composer.json:1",
    ),
    Refused(
        "a page of a tool that is served", {"index.html": PAGE, "tools/calc.php": "<?php"}, "PHP", "tools/calc.php"
    ),
    Refused("cgi without an ending", {"index.html": PAGE, "cgi-bin/form": "#!/bin/sh\n"}, "CGI", "cgi-bin/form"),
    Refused(
        "perl in a page's folder", {"index.html": PAGE, "scripts/form.pl": "use CGI;\n"}, "Perl", "scripts/form.pl"
    ),
    Refused(
        "mojo as it is generated",
        {
            "script/my_app": "#!/usr/bin/env perl\nuse Mojolicious::Commands;",
            "lib/MyApp.pm": "use Mojo::Base 'Mojolicious';",
            "public/index.html": PAGE,
        },
        "Perl",
        "lib/MyApp.pm:1",
    ),
    Refused(
        "axum with its own docs",
        {
            "Cargo.toml": AXUM,
            "src/main.rs": "fn main() {\n    axum::serve(listener, app);\n}\n",
            "docs/index.html": PAGE,
            "docs/search-index.js": "",
        },
        "Rust",
        "src/main.rs:2",
    ),
    # Commands
    Refused(
        "php behind cross-env",
        {"package.json": package(scripts={"start": "cross-env A=1 php -S 0:80"})},
        "PHP",
        "package.json:3",
    ),
    Refused(
        "go behind nodemon",
        {"package.json": package(scripts={"start": "nodemon --exec go run main.go"})},
        "Go",
        "package.json:3",
    ),
    Refused(
        "go beside vite in one command",
        {
            "package.json": package(
                scripts={"start": 'concurrently "go run ." "vite"'}, devDependencies={"concurrently": "8"}
            )
        },
        "Go",
        "package.json:3",
    ),
    Refused(
        "php behind composer",
        {"Procfile": "web: $(composer config bin-dir)/heroku-php-nginx public/\n", "public/index.html": PAGE},
        "PHP",
        "Procfile:1",
    ),
    Refused(
        "ruby behind a pool",
        {"Procfile": "web: bin/start-pgbouncer bundle exec puma\n", "index.html": PAGE},
        "Ruby",
        "Procfile:1",
    ),
    Refused(
        "clojure by a jar",
        {
            "Procfile": "web: java -jar shop.jar\n",
            "project.clj": '(defproject shop "1"\n  :dependencies [[ring "1"]])\n',
        },
        "Clojure",
        "Procfile:1",
    ),
    Refused(
        "procfile of a program beside package.json",
        {"Procfile": "web: bin/shop\n", "package.json": "{}"},
        "bin/shop",
        "Procfile:1",
    ),
    Refused(
        "procfile of a program beside Python",
        {"Procfile": "web: ./main\n", "requirements.txt": ""},
        "./main",
        "Procfile:1",
    ),
    Refused(
        "procfile of another server", {"Procfile": "web: caddy run\n", "package.json": "{}"}, "caddy run", "Procfile:1"
    ),
    # A Procfile's program that is nobody's
    Refused(
        "procfile of a program",
        {"Procfile": "web: ./server --port $PORT\n", "index.html": PAGE},
        "./server",
        "Procfile",
    ),
    Refused(
        "procfile of a script",
        {"Procfile": "web: bash start.sh\n", "start.sh": "exec ./x\n", "public/index.html": PAGE},
        "bash start.sh",
        "Procfile",
    ),
    Refused(
        "procfile of a program beside a build",
        {"Procfile": "web: ./bin/server\n", "package.json": VITE, "index.html": PAGE},
        "./bin/server",
        "Procfile:1",
    ),
    Refused(
        "procfile of an installed program",
        {"Procfile": "web: /usr/local/bin/caddy run\n", "notes.py": "x = 1\n"},
        "caddy run",
        "Procfile:1",
    ),
    Refused(
        "procfile in quotes", {"Procfile": 'web: "bundle exec puma"\n', "notes.py": "x = 1\n"}, "Ruby", "Procfile:1"
    ),
    Refused(
        "haskell by its dependencies",
        {"package.yaml": "name: x\ndependencies:\n- yesod\n", "static/index.html": PAGE},
        "Haskell",
        "package.yaml:3",
    ),
    Refused(
        "erlang by its application",
        {"erlang.mk": "", "src/shop_app.erl": "-module(shop_app).\n", "docs/index.html": PAGE},
        "Erlang",
        "src/shop_app.erl",
    ),
    Refused(
        "go that listens elsewhere",
        {"main.go": 'package main\n\nimport "./srv"\n\nfunc main() { srv.Run() }\n', "public/index.html": PAGE},
        "Go",
        "main.go",
    ),
    Refused(
        "workerman",
        {"composer.json": '{"require": {"workerman/workerman": "*"}}', "public/index.html": PAGE},
        "PHP",
        "composer.json:1",
    ),
    Refused(
        "coldbox",
        {"box.json": '{"dependencies": {"coldbox": "^7"}}', "public/index.html": PAGE},
        "ColdFusion",
        "box.json",
    ),
    Refused(
        "a bot in Ruby beside a build",
        {"Gemfile": "gem 'discordrb'\n", "bot.rb": "require 'discordrb'\n", "package.json": ESBUILD},
        "Ruby",
        "Gemfile:1",
    ),
    Refused(
        "jsp where Maven has it",
        {"src/main/webapp/login.jsp": "<%@ page %>", "package.json": ESBUILD},
        "JSP",
        "src/main/webapp/login.jsp",
    ),
    Refused(
        "a perl script by its first line",
        {"index.html": PAGE, "guestbook.cgi": "#!/usr/bin/perl -T\nprint 1;\n"},
        "Perl CGI page",
        "guestbook.cgi",
    ),
    # Workspaces
    Refused(
        "turborepo",
        {
            "package.json": package(
                workspaces=["apps/*", "packages/*"],
                scripts={"build": "turbo run build"},
                devDependencies={"turbo": "2"},
            ),
            "turbo.json": "{}",
            "apps/web/package.json": package(
                scripts={"build": "next build", "start": "next start"}, dependencies={"next": "15"}
            ),
            "apps/api/package.json": package(scripts={"start": "node server.js"}, dependencies={"express": "4"}),
            "packages/ui/package.json": package(name="ui"),
        },
        "apps/api (express)",
        "apps/web (next)",
    ),
    Refused(
        "pnpm workspace",
        {
            "package.json": package(scripts={"build": "pnpm -r build"}),
            "pnpm-workspace.yaml": "packages:\n  - 'apps/*'\n",
            "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
            "apps/site/package.json": package(scripts={"build": "vite build"}, devDependencies={"vite": "6"}),
            "apps/site/index.html": PAGE,
        },
        "workspace",
        "apps/site (vite)",
    ),
    Refused(
        "nx workspace",
        {
            "package.json": package(
                scripts={"build": "nx run-many -t build"}, devDependencies={"nx": "20", "vite": "6"}
            ),
            "nx.json": "{}",
            "apps/shop/project.json": "{}",
            "apps/shop/index.html": PAGE,
            "apps/shop/package.json": "{}",
        },
        "workspace",
        "apps/shop",
    ),
    Refused(
        "workspace with other languages",
        {
            "package.json": package(workspaces=["apps/*"], scripts={"build": "npm run build --workspaces"}),
            "apps/api/go.mod": GO_MOD,
            "apps/api/main.go": GO,
            "apps/web/package.json": package(scripts={"build": "astro build"}, dependencies={"astro": "5"}),
        },
        "apps/api (Go)",
        "apps/web (astro)",
    ),
    Refused(
        "workspace with a page",
        {
            "package.json": package(workspaces=["apps/*"]),
            "index.html": PAGE,
            "apps/web/package.json": package(scripts={"start": "node s.js"}),
        },
        "workspace",
        "apps/web",
    ),
    Refused(
        "pnpm workspace in one line",
        {
            "package.json": package(scripts={"build": "pnpm -r build"}),
            "pnpm-workspace.yaml": "packages: ['client', 'server']\n",
            "client/package.json": package(scripts={"build": "vite build"}, devDependencies={"vite": "6"}),
            "client/index.html": PAGE,
            "server/package.json": package(scripts={"start": "node s.js"}, dependencies={"express": "4"}),
        },
        "workspace",
        "server (express)",
    ),
    Refused(
        "workspace that shares a framework",
        {
            "package.json": package(
                workspaces=["apps/*"], scripts={"build": "turbo build"}, dependencies={"next": "15"}
            ),
            "apps/web/package.json": package(scripts={"build": "next build"}),
        },
        "workspace",
        "apps/web",
    ),
    # Workers alone
    Refused(
        "a bot",
        {
            "Procfile": "worker: python bot.py\n",
            "bot.py": "import time\ntime.sleep(1)\n",
            "requirements.txt": "discord.py\n",
        },
        "worker",
        "web: COMMAND",
    ),
    Refused(
        "a bot under main",
        {
            "Procfile": "worker: python main.py\n",
            "main.py": "import discord\nbot = discord.Client()\nif __name__ == '__main__':\n    bot.run('x')\n",
            "requirements.txt": "discord.py\n",
        },
        "worker",
        "web: COMMAND",
    ),
    Refused(
        "a bot of Node's",
        {
            "Procfile": "worker: npm start\n",
            "package.json": package(scripts={"start": "node bot.js"}),
            "bot.js": "setInterval(f, 1)",
        },
        "worker",
        "web: COMMAND",
    ),
    Refused(
        "a bot beside a page",
        {"Procfile": "worker: python bot.py\n", "bot.py": "", "index.html": PAGE},
        "worker",
        "web: COMMAND",
    ),
    Refused(
        "celery alone",
        {"Procfile": "worker: celery -A tasks worker\n", "tasks.py": "import celery\n", "requirements.txt": "celery\n"},
        "worker",
        "web: COMMAND",
    ),
    # what stands in the way of a starter being seen
    Refused(
        "php handed out by a tool's start script",
        {
            "package.json": package(scripts={"start": "http-server public"}, devDependencies={"http-server": "14"}),
            "public/index.html": PAGE,
            "public/send.php": "<?php mail();",
        },
        "PHP",
        "public/send.php",
    ),
    Refused(
        "rails beside an ember start script",
        {
            "Gemfile": RAILS,
            "config/routes.rb": "Rails.application.routes.draw do\nend\n",
            "package.json": package(scripts={"start": "ember serve"}, devDependencies={"ember-cli": "5"}),
        },
        "Ruby",
        "config/routes.rb",
    ),
    Refused(
        "vapor by its Procfile",
        {"Procfile": "web: Run serve --env production --port $PORT\n", "public/index.html": PAGE},
        "Run",
        "Procfile",
    ),
    Refused(
        "a server started by a shell script",
        {
            "Procfile": "web: bash start.sh\n",
            "start.sh": "#!/bin/bash\nset -e\nexec bundle exec puma -p $PORT\n",
            "package.json": VITE,
            "index.html": PAGE,
        },
        "Ruby",
        "start.sh:3",
    ),
    Refused(
        "a Go server beside the documentation that hugo builds",
        {"hugo.toml": "title = 'shop'\n", "go.mod": GO_MOD, "cmd/shop/main.go": GO, "package.json": HUGO},
        "Go",
        "cmd/shop/main.go:6",
    ),
    Refused(
        "finatra",
        {
            "build.sbt": 'libraryDependencies += "com.twitter" %% "finatra-http-server" % "23.11.0"\n',
            "src/main/resources/index.html": PAGE,
            "index.html": PAGE,
        },
        "Scala",
        "build.sbt:1",
    ),
)

KEPT = (
    Kept(
        "hugo built by npm",
        {
            "package.json": package(scripts={"build": "hugo --minify"}, devDependencies={"hugo-bin": "0.130"}),
            "hugo.toml": "title = 'x'\n",
            "go.mod": GO_MOD,
            "content/_index.md": "x",
            "layouts/index.html": "{{ .Content }}",
            "archetypes/default.md": "",
        },
        "node",
        "nginx",
    ),
    Kept(
        "hugo with a start script",
        {
            "package.json": package(
                scripts={"build": "hugo", "start": "hugo server"}, devDependencies={"hugo-extended": "0.130"}
            ),
            "hugo.toml": "",
        },
        "node",
        "nginx",
    ),
    Kept(
        "jekyll built by npm",
        {
            "package.json": package(scripts={"build": "bundle exec jekyll build"}),
            "Gemfile": "gem 'jekyll'\ngem 'webrick'\n",
            "_config.yml": "",
            "index.md": "",
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with fastlane",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "Gemfile": "source 'https://rubygems.org'\ngem 'fastlane'\n",
            "fastlane/Fastfile": "",
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with capacitor",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "android/build.gradle": "apply plugin: 'com.android.application'",
            "android/app/src/main/java/Main.java": "class Main {}",
            "ios/App/Podfile": "",
            "ios/App/App/AppDelegate.swift": "@main class A {}",
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with tauri",
        {"package.json": VITE, "index.html": PAGE, "src-tauri/Cargo.toml": CRATE, "src-tauri/src/main.rs": MAIN_RS},
        "node",
        "nginx",
    ),
    Kept(
        "vite with a wasm crate",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "crate/Cargo.toml": CRATE + '[lib]\ncrate-type = ["cdylib"]\n[dependencies]\nwasm-bindgen = "0.2"\n',
            "crate/src/lib.rs": "",
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with settings of deno",
        {"package.json": VITE, "index.html": PAGE, "deno.json": '{"fmt": {"lineWidth": 100}}'},
        "node",
        "nginx",
    ),
    Kept(
        "vite run by deno",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "deno.json": '{"tasks": {"dev": "deno run -A npm:vite"}}',
            "src/main.ts": "",
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with infrastructure in Go",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "infra/go.mod": GO_MOD,
            "infra/main.go": "package main\nfunc main() {}\n",
        },
        "node",
        "nginx",
    ),
    Kept(
        "composer for tools",
        {
            "index.html": PAGE,
            "composer.json": '{"require-dev": {"squizlabs/php_codesniffer": "^3"}}',
            ".php-cs-fixer.dist.php": "<?php",
        },
        "static",
        "nginx",
    ),
    Kept(
        "composer for tools beside Vite",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "composer.json": '{"require-dev": {"phpunit/phpunit": "^11"}}',
            "tests/ATest.php": "<?php",
        },
        "node",
        "nginx",
    ),
    Kept(
        "flask with maturin",
        {
            "app.py": FLASK,
            "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["flask"]\n[build-system]\nrequires = ["maturin"]\n',
            "Cargo.toml": CRATE,
            "src/lib.rs": "",
        },
        "python",
        "app:app",
    ),
    Kept(
        "flask with a Rust extension",
        {
            "app.py": FLASK,
            "requirements.txt": "flask\n",
            "ext/Cargo.toml": CRATE + '[dependencies]\npyo3 = "0.22"\n',
            "ext/src/lib.rs": "",
        },
        "python",
        "app:app",
    ),
    Kept(
        "flask with C",
        {"app.py": FLASK, "requirements.txt": "flask\n", "CMakeLists.txt": "project(x)\n", "src/ext.c": "int x;\n"},
        "python",
        "app:app",
    ),
    Kept(
        "flask beside Go",
        {"app.py": FLASK, "requirements.txt": "flask\n", "go.mod": GO_MOD, "main.go": GO},
        "python",
        "app:app",
    ),
    Kept(
        "rustdoc",
        {
            "Cargo.toml": CRATE,
            "src/lib.rs": "",
            "docs/index.html": '<meta http-equiv="refresh" content="0; url=shop/index.html">',
            "docs/shop/index.html": PAGE,
        },
        "static",
        "nginx",
    ),
    Kept(
        "rustdoc of a program",
        {
            "Cargo.toml": CRATE,
            "src/main.rs": MAIN_RS,
            "docs/index.html": "<meta http-equiv=refresh content='0; url=shop/'>",
            "docs/search-index.js": "",
            "docs/shop/index.html": PAGE,
        },
        "static",
        "nginx",
    ),
    Kept("docs of a Rust library", {"Cargo.toml": AXUM, "src/lib.rs": "", "docs/index.html": PAGE}, "static", "nginx"),
    Kept(
        "javadoc",
        {
            "pom.xml": "<project/>",
            "src/main/java/Lib.java": "class Lib {}",
            "docs/index.html": "<!-- Generated by javadoc (21) -->",
        },
        "static",
        "nginx",
    ),
    Kept(
        "docs of an Android app",
        {
            "build.gradle": "plugins { id 'com.android.application' version '8' }",
            "app/build.gradle": "android {}",
            "app/src/main/java/Main.java": "class Main {}",
            "docs/index.html": PAGE,
        },
        "static",
        "nginx",
    ),
    Kept(
        "docs of a Go library",
        {"go.mod": GO_MOD, "shop.go": "package shop\n", "docs/index.html": PAGE},
        "static",
        "nginx",
    ),
    Kept(
        "a prebuilt Jekyll folder",
        {"_config.yml": "", "Gemfile": "gem 'github-pages'\n", "_site/index.html": PAGE, "_site/feed.xml": ""},
        "static",
        "nginx",
    ),
    Kept(
        "a prebuilt Jekyll folder at the root",
        {
            "Gemfile": "gem 'jekyll', '~> 4'\ngroup :jekyll_plugins do\n  gem 'jekyll-feed'\nend\n",
            "index.html": PAGE,
            "feed.xml": "",
        },
        "static",
        "nginx",
    ),
    Kept(
        "a prebuilt Hugo folder",
        {"hugo.toml": "", "go.mod": GO_MOD, "go.sum": "", "public/index.html": PAGE},
        "static",
        "nginx",
    ),
    Kept(
        "node with a gemfile",
        {"package.json": package(scripts={"start": "node server.js"}), "server.js": EXPRESS, "Gemfile": RAILS},
        "node",
        "node server.js",
    ),
    Kept(
        "express beside Rails' files",
        {
            "package.json": package(scripts={"start": "node server.js"}, dependencies={"express": "4"}),
            "server.js": EXPRESS,
            "config.ru": "",
        },
        "node",
        "node server.js",
    ),
    Kept(
        "next with a Go tool",
        {
            "package.json": package(scripts={"build": "next build"}, dependencies={"next": "15"}),
            "tools/go.mod": GO_MOD,
            "tools/main.go": GO,
        },
        "node",
        "next start",
    ),
    Kept(
        "express with native code",
        {
            "package.json": package(scripts={"start": "node server.js"}),
            "server.js": EXPRESS,
            "CMakeLists.txt": "project(x)",
            "src/main.cpp": "int main() {}",
        },
        "node",
        "node server.js",
    ),
    Kept(
        "downloads in other languages",
        {
            "index.html": PAGE,
            "downloads/hello.go": GO,
            "downloads/tool.py": "print()",
            "downloads/x.rs": MAIN_RS,
            "files/a.rb": "puts 1",
        },
        "static",
        "nginx",
    ),
    Kept("a page with a web.config", {"index.html": PAGE, "web.config": "<configuration/>"}, "static", "nginx"),
    Kept(
        "a page with wasm of Go's",
        {
            "index.html": PAGE,
            "go.mod": GO_MOD,
            "main.go": 'package main\n\nimport "syscall/js"\n\nfunc main() {}\n',
            "main.wasm": "",
        },
        "static",
        "nginx",
    ),
    Kept(
        "a page with wasm of C's",
        {"index.html": PAGE, "CMakeLists.txt": "set(CMAKE_TOOLCHAIN_FILE Emscripten.cmake)\n", "main.c": "int x;"},
        "static",
        "nginx",
    ),
    Kept("a plain page", {"index.html": PAGE, "style.css": ""}, "static", "nginx"),
    Kept(
        "a page served by Python",
        {"index.html": PAGE, "Procfile": "web: python -m http.server $PORT\n"},
        "static",
        "nginx",
    ),
    Kept("pages with a release command", {"index.html": PAGE, "Procfile": "release: true\n"}, "static", "nginx"),
    Kept(
        "a Staticfile knows better: PHP",
        {"index.html": PAGE, "config.php": "<?php", "Staticfile": "root: .\n"},
        "static",
        "nginx",
    ),
    Kept(
        "a Staticfile knows better: Rails",
        {"Gemfile": RAILS, "config.ru": "", "public/index.html": PAGE, "Staticfile": "root: public\n"},
        "static",
        "nginx",
    ),
    Kept(
        "a Staticfile knows better: Go",
        {"go.mod": GO_MOD, "main.go": GO, "package.json": VITE, "index.html": PAGE, "Staticfile": ""},
        "node",
        "nginx",
    ),
    Kept(
        "a Staticfile knows better: a workspace",
        {
            "package.json": package(workspaces=["apps/*"], scripts={"build": "turbo run build"}),
            "apps/web/package.json": VITE,
            "Staticfile": "root: apps/web/dist\n",
        },
        "node",
        "nginx",
    ),
    Kept(
        "a workspace with a start script",
        {
            "package.json": package(
                workspaces=["apps/*"], scripts={"build": "turbo run build", "start": "npm start --workspace=apps/api"}
            ),
            "apps/api/package.json": package(scripts={"start": "node s.js"}),
        },
        "node",
        "npm start",
    ),
    Kept(
        "a site that is a workspace's root",
        {
            "package.json": package(
                workspaces=["packages/*"], scripts={"build": "vite build"}, devDependencies={"vite": "6"}
            ),
            "packages/ui/package.json": package(name="ui"),
            "index.html": PAGE,
        },
        "node",
        "nginx",
    ),
    Kept(
        "a web process beside a worker",
        {
            "Procfile": "web: gunicorn app:app\nworker: python w.py\n",
            "app.py": FLASK,
            "requirements.txt": "flask\ngunicorn\n",
            "w.py": "",
        },
        "python",
        "gunicorn",
    ),
    Kept(
        "a server beside a worker",
        {"Procfile": "worker: python w.py\n", "app.py": FLASK, "requirements.txt": "flask\n", "w.py": ""},
        "python",
        "app:app",
    ),
    Kept(
        "express that is also a worker",
        {
            "Procfile": "worker: node jobs.js\n",
            "package.json": package(scripts={"start": "node server.js"}, dependencies={"express": "4"}),
            "server.js": EXPRESS,
            "jobs.js": "",
        },
        "node",
        "node server.js",
    ),
    Kept(
        "a script of the repository starts Node",
        {
            "Procfile": "web: ./start.sh\n",
            "package.json": package(dependencies={"express": "4"}),
            "start.sh": "exec node x.js\n",
        },
        "node",
        "./start.sh",
    ),
    Kept(
        "Python below, by its Procfile",
        {"Procfile": "web: python server/app.py\n", "server/app.py": "print()\n", "index.html": PAGE},
        "python",
        "python server/app.py",
    ),
    Kept(
        "deno from npm",
        {"package.json": package(scripts={"start": "deno run -A main.ts"}, dependencies={"deno": "2"})},
        "node",
        "deno run",
    ),
    Kept(
        "express that speaks of Deno",
        {
            "package.json": package(dependencies={"express": "4"}),
            "public/index.html": PAGE,
            "index.js": "const express = require('express');\nexpress().listen(process.env.PORT);\n// also runs on Deno.serve\n",
        },
        "node",
        "node index.js",
    ),
    Kept(
        "hono for several runtimes",
        {
            "package.json": package(dependencies={"hono": "4", "@hono/node-server": "1"}),
            "index.js": "import { serve } from '@hono/node-server';\nif (typeof Deno !== 'undefined') Deno.serve(f); else serve({ fetch: f });\n",
        },
        "node",
        "node index.js",
    ),
    Kept(
        "vite with functions of Supabase",
        {"package.json": VITE, "index.html": PAGE, "supabase/functions/a/index.ts": "Deno.serve(f)"},
        "node",
        "nginx",
    ),
    Kept(
        "vite with an example for Deno",
        {"package.json": VITE, "index.html": PAGE, "src/Hero.tsx": "<pre>Deno.serve(handler)</pre>"},
        "node",
        "nginx",
    ),
    Kept(
        "vite with a task of Deno's",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "deno.json": '{"tasks": {"serve": "deno run jsr:@std/http@1/file-server dist/"}}',
        },
        "node",
        "nginx",
    ),
    Kept(
        "astro with lessons about Go",
        {
            "package.json": package(scripts={"build": "astro build"}, dependencies={"astro": "5"}),
            "src/content/http/main.go": GO,
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with a magefile",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "go.mod": GO_MOD,
            "magefile.go": "//go:build mage\n\npackage main\n",
        },
        "node",
        "nginx",
    ),
    Kept(
        "vite with Deployer",
        {"package.json": VITE, "index.html": PAGE, "deploy.php": "<?php\nnamespace Deployer;\n"},
        "node",
        "nginx",
    ),
    Kept(
        "vite with a desktop shell's workspace",
        {
            "package.json": VITE,
            "index.html": PAGE,
            "Cargo.toml": '[workspace]\nmembers = ["src-tauri"]\n[workspace.dependencies]\naxum = "0.7"\n',
            "src-tauri/Cargo.toml": CRATE,
            "src-tauri/src/main.rs": MAIN_RS,
        },
        "node",
        "nginx",
    ),
    Kept(
        "documentation of a Go program",
        {
            "package.json": package(scripts={"build": "vitepress build docs"}, devDependencies={"vitepress": "1"}),
            "go.mod": GO_MOD,
            "main.go": "package main\n\nfunc main() {}\n",
        },
        "node",
        "nginx",
    ),
    Kept(
        "documentation of a PHP library",
        {"docs/index.html": PAGE, "src/A.php": "<?php\nclass A {}\n", "composer.json": "{}"},
        "static",
        "nginx",
    ),
    Kept(
        "documentation of a gem",
        {"docs/index.html": PAGE, "Gemfile": "gemspec\n", "x.gemspec": "", "lib/x.rb": "module X; end\n"},
        "static",
        "nginx",
    ),
    Kept(
        "documentation of a client",
        {
            "docs/index.html": PAGE,
            "app/build.gradle.kts": 'plugins { id("com.android.application") }\ndependencies { implementation("io.ktor:ktor-client-core:2.3") }\n',
        },
        "static",
        "nginx",
    ),
    Kept(
        "a program for the browser in C#",
        {
            "docs/index.html": PAGE,
            "App.csproj": '<Project Sdk="Microsoft.NET.Sdk.BlazorWebAssembly">',
            "Program.cs": "var b = 1;",
        },
        "static",
        "nginx",
    ),
    Kept(
        "a template with demos",
        {"index.html": PAGE, "vendors/calendar/demos/php/get-events.php": "<?php"},
        "static",
        "nginx",
    ),
    Kept(
        "pages that PHP only hands out",
        {"index.html": PAGE, "index.php": "<?php include_once('index.html'); ?>", "composer.json": "{}"},
        "static",
        "nginx",
    ),
    Kept(
        "pages that Rack only hands out",
        {"index.html": PAGE, "config.ru": "use Rack::Static, urls: ['/'], root: '.'\nrun nil\n"},
        "static",
        "nginx",
    ),
    Kept(
        "pages that a file server hands out", {"index.html": PAGE, "Procfile": "web: serve -s .\n"}, "static", "nginx"
    ),
    Kept(
        "pages and a script, served by Python",
        {"index.html": PAGE, "Procfile": "web: python -m http.server $PORT\n", "scripts/gen.py": "x = 1\n"},
        "static",
        "nginx",
    ),
    Kept("jekyll with puma", {"_site/index.html": PAGE, "Gemfile": "gem 'jekyll'\ngem 'puma'\n"}, "static", "nginx"),
    Kept(
        "a start script of a framework, beside PHP",
        {
            "package.json": package(scripts={"start": "strapi start"}, dependencies={"@strapi/strapi": "4"}),
            "legacy/a.php": "<?php",
        },
        "node",
        "strapi start",
    ),
    Kept(
        "a start script with settings, beside PHP",
        {
            "package.json": package(scripts={"start": "cross-env NODE_ENV=production node dist/index.js"}),
            "legacy/a.php": "<?php",
        },
        "node",
        "cross-env",
    ),
    Kept(
        "gunicorn in poetry's shell, beside PHP",
        {"Procfile": "web: poetry run gunicorn pkg.web:app\n", "requirements.txt": "x\n", "a.php": "<?php"},
        "python",
        "poetry run gunicorn",
    ),
    Kept(
        "gunicorn after a helper",
        {
            "Procfile": "web: perl -pi -e s/PORT/8080/ c.ini && gunicorn app:app\n",
            "app.py": FLASK,
            "requirements.txt": "flask\n",
        },
        "python",
        "gunicorn",
    ),
    Kept(
        "a bot that answers, as a worker",
        {
            "Procfile": "worker: node bot.js\n",
            "package.json": package(scripts={"start": "node bot.js"}, dependencies={"discord.js": "14"}),
            "bot.js": "require('http').createServer(f).listen(process.env.PORT)",
        },
        "node",
        "node bot.js",
    ),
    Kept(
        "laravel-mix alone",
        {"package.json": package(scripts={"start": "mix watch"}, devDependencies={"laravel-mix": "6"})},
        "node",
        "mix watch",
    ),
    Kept(
        "a workspace that brings its site to the root",
        {
            "package.json": package(
                workspaces=["apps/*"], scripts={"build": "npm run build -w apps/web && cp -r apps/web/dist dist"}
            ),
            "apps/web/package.json": VITE,
        },
        "node",
        "nginx",
    ),
    Kept(
        "a workspace's root that copies",
        {
            "package.json": package(
                workspaces=["p/*"], scripts={"build": "vite build && cp -r static dist"}, devDependencies={"vite": "6"}
            ),
            "p/ui/package.json": package(scripts={"start": "tsc -w"}),
        },
        "node",
        "nginx",
    ),
    Kept(
        "documentation of a Nim library",
        {
            "docs/index.html": PAGE,
            "fmt.nimble": 'version = "0.1.0"\nsrcDir = "src"\nrequires "nim >= 2.0.0"\n',
            "src/fmt.nim": "proc pad*(text: string): string = text\n",
        },
        "static",
        "nginx",
    ),
    Kept(
        "a page that Nim compiles to JavaScript",
        {
            "index.html": PAGE,
            "app.js": "",
            "app.nimble": 'version = "0.1.0"\nbackend = "js"\nbin = @["app"]\nrequires "karax"\n',
            "src/app.nim": "include karax/prelude\nsetRenderer(render)\n",
        },
        "static",
        "nginx",
    ),
    Kept(
        "documentation of an Elixir library",
        {
            "docs/index.html": PAGE,
            "mix.exs": 'defmodule L.MixProject do\n  defp deps, do: [{:ex_doc, "~> 0.30", only: :dev}]\nend\n',
            "lib/l.ex": "",
        },
        "static",
        "nginx",
    ),
    Kept(
        "a Node server that Deno formats",
        {
            "server.js": "require('node:http').createServer((q, a) => a.end()).listen(process.env.PORT);\n",
            "deno.json": '{"fmt": {}}\n',
            "index.html": PAGE,
        },
        "node",
        "server.js",
    ),
    Kept(
        "hugo with modules, whose theme has a Go example",
        {
            "package.json": HUGO,
            "hugo.toml": "title = 'shop'\n",
            "go.mod": GO_MOD,
            "content/sample.go": GO_HELLO,
        },
        "node",
        "nginx",
    ),
    Kept(
        "hugo with modules, which offers a Go server for download",
        {
            "package.json": HUGO,
            "hugo.toml": "title = 'shop'\n",
            "go.mod": GO_MOD,
            "static/code/main.go": GO,
        },
        "node",
        "nginx",
    ),
    Kept(
        "documentation of a Go library with a program",
        {"docs/index.html": PAGE, "go.mod": GO_MOD, "shop.go": "package shop\n", "cmd/tool/main.go": GO_HELLO},
        "static",
        "nginx",
    ),
    Kept(
        "documentation of a Rust library with a program",
        {"docs/index.html": PAGE, "Cargo.toml": CRATE, "src/lib.rs": "pub fn a() {}\n", "src/bin/tool.rs": MAIN_RS},
        "static",
        "nginx",
    ),
    Kept(
        "a page that Maven builds",
        {
            "index.html": PAGE,
            "pom.xml": "<project><build><plugins><plugin>\n<artifactId>frontend-maven-plugin</artifactId>\n</plugin></plugins></build></project>\n",
        },
        "static",
        "nginx",
    ),
    Kept(
        "documentation of a gem that is tested with Rails",
        {
            "docs/index.html": PAGE,
            "Gemfile": 'source "https://rubygems.org"\ngemspec\ngem "rails"\n',
            "shop.gemspec": "Gem::Specification.new\n",
            "lib/shop.rb": "module Shop\nend\n",
        },
        "static",
        "nginx",
    ),
    Kept(
        "documentation of a library for Phoenix",
        {"docs/index.html": PAGE, "mix.exs": 'defp deps, do: [{:phoenix_html, "~> 4.0"}]\n', "lib/l.ex": ""},
        "static",
        "nginx",
    ),
)
