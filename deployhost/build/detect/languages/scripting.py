"""The rows of languages that run from source: PHP, CGI, Perl, Ruby, Deno, Lua, R, Julia, ColdFusion. Pure."""

import re

from deployhost.build.detect.languages.language import Language, words

PHP = Language(
    name="PHP",
    image="php:8-apache",
    programs=(
        "php", "php-fpm", "php-cgi", "frankenphp", "artisan", "heroku-php-apache2", "heroku-php-nginx", "apache2-foreground", "symfony", "rr",
    ),
    pages=(".php", ".phtml", ".php3", ".php4", ".php5", ".php7", ".php8", ".pht"),
    not_pages=re.compile(
        r"\.?php[-_]?cs(?:-fixer)?(?:\.dist)?\.php|\.?php_cs\S*|(?:rector|ecs|scoper\.inc|phpinsights|psalm|castor|monorepo-builder|phpstan\S*|_ide_helper\S*|\.phpstorm\.meta)"
        r"(?:\.dist)?\.php"
    ),
    hands_out=re.compile(r"^\s*namespace\s+Deployer\b|^\s*<\?php\s+(?:include|require)(?:_once)?\s*\(?\s*[\"'](?:\./)?index\.html?[\"']\s*\)?\s*;?\s*(?:\?>)?\s*$"),
    manifests=("composer.json",),
    frameworks=re.compile(
        r"\"(?:laravel/(?:framework|lumen-framework)|symfony/(?:framework-bundle|runtime|http-kernel|symfony)|slim/slim|cakephp/cakephp|yiisoft/yii2?|"
        r"codeigniter4/framework|laminas/laminas-mvc|mezzio/mezzio|phalcon/[\w-]+|nette/application|spiral/framework|roadrunner-php/[\w-]+|"
        r"drupal/core[\w-]*|typo3/cms-core|craftcms/cms|statamic/cms|getkirby/cms|october/rain|roots/wordpress|johnpbloch/wordpress|bolt/core|"
        r"silverstripe/framework|thecodingmachine/[\w-]+|bref/bref|league/route|workerman/workerman|amphp/http-server|api-platform/core|silex/silex|react/http|flightphp/core|mikecao/flight|hyperf/[\w-]+|flarum/core|magento/[\w-]+|"
        r"shopware/[\w-]+|sulu/sulu|contao/[\w-]+|humhub/humhub|tempest/framework)\""
    ),
    servers=("artisan", "src/index.php", "upload/index.php"),
    tools=re.compile(""),  # without a framework or a page, Composer only brings tools
)  # fmt: skip

CGI = Language(
    name="CGI",
    image="httpd:2",
    pages=(".cgi", ".fcgi"),
    page_folders=frozenset({"cgi-bin", "cgi-local", "cgi"}),
    not_pages=re.compile(
        r".*\.(?:html?|css|js|txt|md|png|jpe?g|gif|svg|ico|p[lm]|json|yml|yaml|lock)|\..*|readme.*|makefile"
    ),
)

PERL = Language(
    name="Perl",
    image="perl:5",
    programs=("perl", "plackup", "hypnotoad", "morbo", "starman", "twiggy", "starlet", "carton"),
    manifests=("cpanfile", "makefile.pl", "build.pl", "dist.ini"),
    frameworks=words(
        r"Mojolicious|Dancer2?|Catalyst(?:::\w+)*|Plack|Starman|HTTP::Server::\w+|CGI(?:::\w+)?|Kelp|Raisin|Amon2"
    ),
    servers=("*.psgi", "bin/*.psgi", "script/*_server.pl", "cgi-bin/*.pl", "cgi-bin/*/*.pl", "*/cgi-bin/*.pl"),
    maybe_pages=(".pl",),
    sources=(".pl", ".pm"),
    places=("lib/*.pm", "script/*.pl", "bin/*.pl"),
    listens=re.compile(
        r"\buse\s+Mojo::Base\s+[\"']Mojolicious[\"']|\buse\s+(?:CGI|Web::Simple|Mojolicious|Mojo::Server|Dancer2?|Plack|HTTP::Daemon|HTTP::Server|FCGI|Catalyst)\b|HTTP::Daemon->new|\bprint\W+Content-[Tt]ype:\s*text/"
    ),
    tools=words("Test::More|Perl::Critic|Perl::Tidy"),
)  # fmt: skip

_SITE_GEMS = (
    "fastlane", "cocoapods", "xcpretty", "jekyll[\\w-]*", "github-pages", "middleman[\\w-]*", "nanoc", "danger[\\w-]*", "compass",
    "sass(?:c|-embedded)?", "scss[_-]lint", "html-proofer", "rubocop[\\w-]*", "asciidoctor[\\w-]*", "minima", "just-the-docs", "bourbon",
    "overcommit",
    "mdl", "solargraph", "license_finder", "kitchen[\\w-]*", "test-kitchen", "puppet[\\w-]*", "chef[\\w-]*", "serverspec", "travis", "xcodeproj",
    "ruby-lsp", "kramdown[\\w-]*", "rake", "rspec[\\w-]*", "minitest", "capybara", "haml[\\w-]*", "slim", "bridgetown[\\w-]*", "yard",
)  # fmt: skip
RUBY = Language(
    name="Ruby",
    image="ruby:3",
    programs=(
        "bundle", "ruby", "rails", "rackup", "puma", "unicorn", "thin", "falcon", "iodine", "passenger", "pitchfork", "hanami", "rake", "sidekiq",
        "foreman", "ramaze", "camping", "shotgun", "rerun", "jruby", "iruby", "goliath",
    ),
    pages=(".html.erb", ".rhtml"),
    manifests=("gemfile", "gems.rb"),
    frameworks=re.compile(
        r"\bgem[\s(]+[\"'](?:rails|railties|actionpack|sinatra(?:-[\w-]+)?|rage-rb|hanami(?:-router)?|roda|grape|padrino|cuba|rack-app|camping|agoo|"
        r"syro|hobbit|goliath|pakyow)[\"']"
    ),
    servers=(
        "config.ru", "config/application.rb", "config/routes.rb", "config/puma.rb", "config/unicorn.rb", "bin/rails", "app/controllers/*.rb",
    ),
    gathers=re.compile(r"^\s*gemspec\b"),  # a library's: what else the Gemfile names is for its tests
    runs=re.compile(r"\bgem[\s(]+[\"'](?:puma|unicorn|thin|falcon|passenger|rackup|rack|iodine|discordrb|telegram-bot(?:-ruby)?|sidekiq)[\"']"),
    hands_out=re.compile(r"\bRack::(?:Static|TryStatic|Directory|Files?|Jekyll)\b|\brack[-/](?:jekyll|contrib/try_static)\b"),
    sources=(".rb", ".ru"),
    places=("bin/*.rb", "lib/*.rb"),
    manifest_serves=True,
    listens=re.compile(
        r"\bgem[\s(]+[\"'](?:sinatra|rails|roda)[\"']|\bCGI\.new\b|\brequire\s*\(?[\"'](?:sinatra|webrick|roda|cuba|hanami|grape|rack|agoo|camping|rackup)(?:/[\w/]+)?[\"']|TCPServer\.new|WEBrick::|"
        r"Rack::\w*(?:Server|Handler)"
    ),
    tools=re.compile(rf"\bgem[ (]+[\"'](?:{'|'.join(_SITE_GEMS)})[\"']|^\s*gemspec\b"),
)  # fmt: skip

DENO = Language(
    name="Deno",
    image="denoland/deno:2",
    programs=("deno", "deployctl"),
    manifests=("deno.json", "deno.jsonc"),
    frameworks=re.compile(
        r"\"(?:start|serve|server|dev|prod|production|preview|run)\"\s*:\s*\"[^\"]*\bdeno\s+(?:run|serve)\b(?![^\"]*(?:npm:|file[-_]server|lume))|"
        r"\"(?:@?oak(?:/oak)?|@fresh/[\w-]+|fresh|\$fresh/|@oak/[\w-]+|aleph)/?\"|deno\.land/x/(?:oak|fresh|aleph|hono|opine|abc|servest|drash)|"
        r"jsr:@(?:oak|fresh|hono)/"
    ),
    servers=("fresh.config.ts", "fresh.gen.ts"),
    manifest_serves=True,
    sources=(".ts", ".tsx", ".js", ".mjs", ".mts", ".jsx"),
    begins=re.compile(r"^#!.*\bdeno\b"),
    listens=re.compile(
        r"\bDeno\.(?:serve|serveHttp|listen|listenTls)\b|[\"']https://deno\.land/(?:std[^\"']*/http|x/(?:oak|fresh|hono|opine|abc|servest|drash|aleph))|"
        r"[\"']jsr:@(?:oak|fresh|hono|std/http)"
    ),
    mains=("main.ts", "server.ts", "main.tsx"),
    tools=re.compile(
        r"\"(?:fmt|lint|exclude|compilerOptions|unstable|nodeModulesDir|exports)\"\s*:|\blume\b|file[-_]server"
    ),
)

LUA = Language(
    name="Lua",
    image="openresty/openresty:bookworm",
    programs=("lua", "luajit", "lapis", "openresty", "resty"),
    manifests=("*.rockspec",),
    tools=re.compile(""),  # alone, it is a library's
    frameworks=re.compile(r"[\"'](?:lapis|pegasus|sailor|orbit|lor|turbo)\b"),
    sources=(".lua",),
    listens=re.compile(r"\brequire\s*\(?[\"'](?:lapis|pegasus|turbo|sailor|lor\.index|xavante)\b"),
)

R = Language(
    name="R",
    image="rocker/shiny:4",
    programs=("rscript", "r"),
    servers=("app.r", "server.r", "ui.r", "plumber.r", "rserver.conf"),
    sources=(".r",),
    listens=re.compile(r"\b(?:shinyApp|runApp|plumb|pr_run)\s*\("),
)

JULIA = Language(
    name="Julia",
    image="julia:1",
    programs=("julia",),
    manifests=("project.toml", "manifest.toml"),
    manifest_says=re.compile(r"^\[(?:deps|compat|extras)\]|^uuid\s*=|^julia\s*=", re.IGNORECASE),
    frameworks=re.compile(r"^(?:Genie|Mux|Oxygen|Dash)\s*="),
    sources=(".jl",),
    tools=re.compile(""),  # alone, it is that of any program
    elsewhere=re.compile(r"^(?:Franklin|Documenter|Plots|Pluto)\s*="),
    listens=re.compile(r"\bHTTP\.serve!?\s*\(|\busing\s+(?:Genie|Oxygen|Mux)\b|\bGenie\.up\("),
)

COLDFUSION = Language(
    name="ColdFusion",
    image="ortussolutions/commandbox:latest",
    programs=("box",),
    pages=(".cfm", ".cfc", ".cfml", ".bxm"),
    manifests=("box.json",),
    manifest_says=words("coldbox|fw1|cfwheels|wheels|preside|contentbox"),
)

ROWS = (PHP, PERL, CGI, RUBY, DENO, LUA, R, JULIA, COLDFUSION)
