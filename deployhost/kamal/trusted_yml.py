"""A repository's own config/deploy.yml, with what this server has to add: the text that Kamal reads in its stead. Pure.

It is an ERB template, as every deploy.yml is: it goes to the checkout, where secrets, hooks and the Dockerfile are looked for,
runs the repository's own file there, and adds how this server is reached. So reading it runs code of the repository, as root:
it is written for apps with `trust_repo_config: true` only.
"""

from pathlib import Path

from deployhost.kamal.deploy_yml import KamalApp, document
from deployhost.kamal.yaml_text import Value, quoted, render

CONFIG = "config/deploy.yml"
ADDED_FILE = "config/added.yml"
ENV_FILE = ".kamal/env.json"
ADDED = ("image", "registry", "ssh", "labels", "secrets_path")  # what theirs may say otherwise, key by key

_TEMPLATE = """\
# Written by deployhost, anew before each use: the repository's own config/deploy.yml, and how this server is reached.
<%- Dir.chdir({tree}) -%>
<%- JSON.parse(File.read({env})).each {{ |name, value| ENV[name] = value }} -%>
<%- theirs = YAML.unsafe_load(ERB.new(File.read({config}), trim_mode: "-").result).to_h -%>
<%- ours = YAML.unsafe_load(File.read({ours})) -%>
<%- abort "config/deploy.yml: service must be #{{ours["service"]}}" unless theirs["service"] == ours["service"] -%>
<%- theirs.delete("registry") if theirs.dig("registry", "server").to_s.match?(/\\Alocalhost(:|\\z)/) -%>
<%- ours.delete("registry") if theirs["registry"] -%>
<%- ours.delete("secrets_path") if Dir.glob(".kamal/secrets*").any? -%>
<%- proxy = theirs["proxy"].is_a?(Hash) ? theirs["proxy"].except("host", "hosts") : {{}} -%>
<%- theirs["proxy"] = proxy.merge(ours.delete("proxy")) {{ |_, a, b| a.is_a?(Hash) && b.is_a?(Hash) ? a.merge(b) : b }} -%>
<%= ours.deep_merge(theirs).to_yaml %>
"""


def trusted_yml(tree: Path, project: Path) -> str:
    """Return the text of the deploy.yml to give Kamal for a checkout; `project` is the app's project."""
    paths = {"tree": tree, "ours": project / ADDED_FILE, "env": project / ENV_FILE}
    return _TEMPLATE.format(config=_ruby(CONFIG), **{name: _ruby(str(path)) for name, path in paths.items()})


def added(app: KamalApp, secrets: Path) -> str:
    """Return what is added to a repository's own configuration, as YAML; `secrets` is the file of the app's secrets.

    The hosts are those of apps.yml: it is deployhost that keeps the routes. Secrets are only for a repository that has none.
    """
    ours = document(app)
    found: dict[str, Value] = {"service": str(app.app), "secrets_path": str(secrets)}
    found |= {key: ours[key] for key in ADDED if key in ours}
    proxy: dict[str, Value] = {"hosts": list(app.hosts)}
    whole = ours["proxy"]
    if isinstance(whole, dict) and "run" in whole:
        proxy["run"] = whole["run"]
    return render(found | {"proxy": proxy})


def _ruby(text: str) -> str:
    """Return a path of ours as a Ruby string; what Ruby or ERB would read as code is no part of such a path."""
    if any(char in text for char in "\\#<>%\"'"):
        raise ValueError(f"{text!r} can't be written into a configuration of Kamal")
    return quoted(text)
