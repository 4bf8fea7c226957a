"""The pages that a person sees in the manifest flow: confirm a new App, install it on an account."""

import html
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tests.doubles.github import manifest, payloads, shapes
from tests.doubles.github.description import Description
from tests.doubles.github.world import Account, App, Event, Installation, World, key_of
from tests.doubles.serve import Answer, Call

NEW = re.compile(r"(?:/organizations/([^/]+))?/settings/apps/(new|confirm)")
INSTALL = re.compile(r"/(?:apps|github-apps)/([^/]+)/installations/(?:new|confirm)")
COOKIE = "logged_in_as"


@dataclass
class Pages:
    """Answers a browser. Who is logged in says a cookie: no password, this is no real GitHub."""

    world: World
    description: Description

    def answer(self, call: Call) -> Answer | None:
        """Answer, or None for what is no page here."""
        new, install = NEW.fullmatch(call.path), INSTALL.fullmatch(call.path)
        if new is None and install is None:
            return None
        with self.world.lock:
            person = self._person(call)
            if person is None:
                return _page("Sign in", "You must be signed in.", 401)
            form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
            if new is not None:
                return self._new_app(call, person, new[1], form, confirmed=new[2] == "confirm")
            assert install is not None
            return self._install(call, person, install[1], form)

    def _person(self, call: Call) -> Account | None:
        match = re.search(rf"{COOKIE}=([\w-]+)", call.headers.get("cookie", ""))
        return None if match is None else self.world.account(match[1])

    def _new_app(
        self, call: Call, person: Account, org: str | None, form: Mapping[str, str], *, confirmed: bool
    ) -> Answer:
        owner = person if org is None else self.world.account(org)
        if owner is None or not owner.owned_by(person.login):
            return _page("Not found", "This is not the web page you are looking for.", 404)
        if call.method != "POST" or "manifest" not in form:
            return _page("Register new GitHub App", "A form without a manifest.")
        names = {app.name for app in self.world.apps.values()}
        wrong = manifest.errors(form["manifest"], self.description, names)
        if wrong:
            text = "".join(f"<p>Error: {html.escape(one)}</p>" for one in wrong)
            return _page("Invalid GitHub App configuration", text, 422)
        asked = json.loads(form["manifest"])
        name = form.get("name") or asked.get("name", "")
        state = call.parameters.get("state", form.get("state", ""))
        if not confirmed:
            hidden = {"manifest": form["manifest"], "state": state}
            return _page("Create GitHub App", _form(call.path.replace("/new", "/confirm"), hidden, {"name": name}))
        if not name or manifest.errors(json.dumps({**asked, "name": name}), self.description, names):
            return _page("Create GitHub App", "<p>Error: Name is already taken</p>", 422)
        app = self._made(asked, name, owner)
        code = secrets.token_hex(20)
        self.world.codes[code] = (app, self.world.clock.now())
        back = asked.get("redirect_url")
        if back is None:
            return _redirect(f"{shapes.settings(self.world, owner)}/apps/{app.slug}?code={code}")
        return _redirect(_with(back, {"code": code, **({"state": state} if state else {})}))

    def _made(self, asked: Mapping[str, object], name: str, owner: Account) -> App:
        hook, permissions, events = (
            asked.get("hook_attributes"),
            asked.get("default_permissions"),
            asked.get("default_events"),
        )
        number = self.world.new_id()
        app = App(
            id=number,
            slug=re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
            name=name,
            client_id=f"Iv23li{number:014x}",
            owner=owner,
            permissions={"metadata": "read", **(permissions if isinstance(permissions, dict) else {})},
            events=list(events) if isinstance(events, list) else [],
            key=key_of(len(self.world.apps)),
            created=self.world.clock.stamp(),
            external_url=str(asked["url"]),
            setup_url=str(asked["setup_url"]) if "setup_url" in asked else None,
            public=asked.get("public", False) is True,
        )
        if isinstance(hook, dict):
            secret = payloads.new_secret()
            app.hook = {"url": hook["url"], "content_type": "json", "insecure_ssl": "0", "secret": secret}
            app.hook_active = hook.get("active", True)
        self.world.apps[app.id] = app
        return app

    def _install(self, call: Call, person: Account, slug: str, form: Mapping[str, str]) -> Answer:
        app = next((one for one in self.world.apps.values() if one.slug == slug), None)
        # A private App can be installed on its owner's account only, so others don't find it.
        if app is None or not (app.public or app.owner.owned_by(person.login)):
            return _page("Not found", "This is not the web page you are looking for.", 404)
        mine = [one for one in self.world.accounts.values() if one.owned_by(person.login)]
        targets = mine if app.public else [app.owner]
        state = call.parameters.get("state", form.get("state", ""))
        if call.method != "POST":
            hidden, shown = {"state": state}, {"target": targets[0].login, "repositories": ""}
            return _page(
                f"Install {html.escape(app.name)}", _form(call.path.replace("/new", "/confirm"), hidden, shown)
            )
        target = next((one for one in targets if one.login == form.get("target", targets[0].login)), None)
        if target is None:
            return _page("Not found", "This is not the web page you are looking for.", 404)
        chosen = form.get("repositories", "")
        selected = None if chosen == "*" else {int(number) for number in chosen.split(",") if number}
        one, action = self.installed(app, target, selected)
        if app.setup_url is None:
            return _redirect(f"{shapes.settings(self.world, target)}/installations/{one.id}")
        given = {"installation_id": str(one.id), "setup_action": action, **({"state": state} if state else {})}
        return _redirect(_with(app.setup_url, given))

    def installed(self, app: App, account: Account, selected: set[int] | None) -> tuple[Installation, str]:
        """Install an App, or choose other repositories; return whether that was `install` or `update`."""
        known = self.world.installed_on(app, account)
        if known is None:
            number, now = self.world.new_id(), self.world.clock.stamp()
            one = Installation(number, app, account, dict(app.permissions), selected, now)
            self.world.installations[number] = one
            self.world.announce(Event("installation", "created", installation=one, sender=account))
            return one, "install"
        before = [one for one in self.world.repositories.values() if known.covers(one)]
        known.selected = selected
        after = [one for one in self.world.repositories.values() if known.covers(one)]
        added = tuple(one for one in after if one not in before)
        removed = tuple(one for one in before if one not in after)
        for action, changed in (("added", added), ("removed", removed)):
            if changed:
                details: dict[str, object] = {action: changed}
                event = Event("installation_repositories", action, installation=known, sender=account, details=details)
                self.world.announce(event)
        return known, "update"


def _page(title: str, content: str, status: int = 200) -> Answer:
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{content}</body></html>"
    return Answer(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def _form(action: str, hidden: Mapping[str, str], shown: Mapping[str, str]) -> str:
    fields = [f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in hidden.items()]
    fields += [f'<input name="{name}" value="{html.escape(value)}">' for name, value in shown.items()]
    return f'<form method="post" action="{html.escape(action)}">{"".join(fields)}<button>Go</button></form>'


def _redirect(url: str) -> Answer:
    return Answer(302, b"", (("Location", url),))


def _with(url: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), *parameters.items()])
    return urlunsplit(parts._replace(query=query))
