"""What a zone needs: nothing foreign is touched, unless a person gave it up by name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.edge.account import DnsRecord
from deployhost.edge.ownership import app_comment, app_of, tunnel_target, webhook_comment
from deployhost.edge.records_plan import (
    CreateDomainRecord,
    DeleteDomainRecord,
    RecordsFacts,
    RecordsPlan,
    ReplaceDomainRecords,
    Server,
    foreign,
    impossible,
    plan_records,
)
from deployhost.edge.zones_plan import Zone
from deployhost.errors import Conflict, InvalidRequest
from deployhost.model import AppName, Domain

ID, TUNNEL = "0123456789", "tunnel-1"
SHOP, BLOG = AppName("shop"), AppName("blog")
ZONE = Zone(Domain("example.com"), "zone-1")
SUB = Zone(Domain("sub.example.com"), "zone-2")
SERVER = Server(id=ID, tunnel_id=TUNNEL, webhook_host=Domain(f"deployhost-{ID}.example.com"), zones=(ZONE, SUB))
TARGET = tunnel_target(TUNNEL)
WWW = Domain("www.example.com")


def record(
    name: str = WWW, content: str = TARGET, comment: str = app_comment(ID, SHOP), kind: str = "CNAME", **more: bool
) -> DnsRecord:
    return DnsRecord(
        id=f"{kind} {name} {content}",
        type=kind,
        name=name,
        content=content,
        comment=comment,
        **{"proxied": True, **more},
    )


def facts(*records: DnsRecord, wanted: dict[str, AppName] | None = None, **more: object) -> RecordsFacts:
    given_ = {"www.example.com": SHOP} if wanted is None else wanted
    made = RecordsFacts(
        server=SERVER, zone=ZONE, wanted={Domain(name): app for name, app in given_.items()}, records=records
    )
    return replace(made, **more)  # type: ignore[arg-type]


def words(plan: RecordsPlan) -> list[str]:
    return [step.word for step in plan.steps]


A = record(content="203.0.113.7", comment="mine", kind="A")
MX = record(content="mail.example.com", comment="", kind="MX")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((), ["CreateDomainRecord"]),
        ((MX,), ["CreateDomainRecord"]),
        ((record(),), []),
        ((record(name="WWW.Example.com.", content=TARGET.upper()),), []),
        ((record(comment="made by hand"),), []),
        ((record(comment="made by hand", proxied=False),), "refused"),
        ((record(proxied=False),), ["ReplaceDomainRecords"]),
        ((record(content=tunnel_target("an-earlier-one")),), ["ReplaceDomainRecords"]),
        ((record(comment=app_comment(ID, BLOG)),), ["ReplaceDomainRecords"]),
        ((record(comment=webhook_comment(ID)),), ["ReplaceDomainRecords"]),
        ((record(comment=app_comment("9999999999", SHOP), content=tunnel_target("theirs")),), "refused"),
        ((record(content="cdn.example.net"),), "refused"),
        ((A,), "refused"),
        ((A, replace(A, id="2", content="203.0.113.8")), "refused"),
        ((record(content="other.example.net", comment="", kind="CNAME"),), "refused"),
        ((record(content="2001:db8::1", comment="", kind="AAAA"),), "refused"),
    ],
)
def test_one_domain(records: tuple[DnsRecord, ...], expected: object) -> None:
    plan = plan_records(facts(*records))
    assert (words(plan) or ("refused" if plan.refused else [])) == expected
    assert set(plan.refused) <= {WWW}


def test_what_a_record_is() -> None:
    [step] = plan_records(facts()).steps
    assert isinstance(step, CreateDomainRecord)
    assert (step.record.name, step.record.target, step.record.comment) == (WWW, TARGET, app_comment(ID, SHOP))
    assert len(app_comment(ID, AppName("x" * 40))) <= 100


def test_a_person_gives_records_up_by_name() -> None:
    two = replace(A, id="2", content="203.0.113.8")
    given_up = facts(A, two, MX, replace=frozenset({WWW}))
    [step] = plan_records(given_up).steps
    assert isinstance(step, ReplaceDomainRecords)
    assert step.old == (A.id, "2"), "mail stays"
    assert "203.0.113.7" in step.why
    other = plan_records(replace(given_up, replace=frozenset({Domain("example.com")})))
    assert not other.steps
    assert other.refused[WWW].fix == "deployhost domains add shop www.example.com --replace"


def test_what_can_have_no_record() -> None:
    deep = Domain("a.b.example.com")
    found = impossible(SERVER, deep, SHOP)
    assert found is not None
    assert isinstance(found.raised(), InvalidRequest)
    assert found.raised().message == (
        "no certificate covers a.b.example.com: Cloudflare's certificates cover example.com and one level below it"
    )
    found = impossible(SERVER, SERVER.webhook_host, SHOP)
    assert found is not None
    assert isinstance(found.raised(), Conflict)
    assert impossible(SERVER, Domain("a.sub.example.com"), SHOP) is None, "a zone of its own"
    assert impossible(SERVER, Domain("example.com"), SHOP) is None
    assert impossible(SERVER, Domain("a.b.c.example.org"), SHOP) is None, "no zone of ours"
    plan = plan_records(facts(wanted={"a.b.example.com": SHOP, SERVER.webhook_host: SHOP}))
    assert (plan.steps, set(plan.refused)) == ((), {deep, SERVER.webhook_host})
    assert [one.finding().fix for one in plan.refused.values()] == [
        "deployhost domains remove shop a.b.example.com",
        f"deployhost domains remove shop {SERVER.webhook_host}",
    ]


@pytest.mark.parametrize(
    ("found", "more", "deleted"),
    [
        (record(), {}, True),
        (record(proxied=False), {}, True),
        (record(), {"unknown": frozenset({SHOP})}, False),
        (record(), {"unknown": frozenset({BLOG})}, True),
        (record(), {"unread": "blog:\n  domains: [www.example.com]\n  nonsense: 1"}, False),
        (record(), {"unread": "blog:\n  domains: [example.com]\n  nonsense: 1"}, True),
        (record(comment="deployhost"), {}, False),
        (record(comment=app_comment("9999999999", SHOP)), {}, False),
        (record(comment=webhook_comment(ID)), {}, False),
        (record(name=SERVER.webhook_host), {}, False),
        (record(content=tunnel_target("another")), {}, False),
        (record(content="203.0.113.7", kind="A"), {}, False),
        (record(content=TARGET, kind="TXT"), {}, False),
        (record(name="*.example.com"), {}, True),
    ],
)
def test_what_is_deleted(found: DnsRecord, more: dict[str, object], deleted: bool) -> None:
    plan = plan_records(facts(found, wanted={}, **more))
    assert words(plan) == (["DeleteDomainRecord"] if deleted else [])


def test_a_domain_that_moves_to_another_app_is_not_deleted_first() -> None:
    plan = plan_records(facts(record(), wanted={WWW: BLOG}))
    assert words(plan) == ["ReplaceDomainRecords"]


def test_foreign_before_anything_changes() -> None:
    refusal = foreign(SERVER, WWW, SHOP, [A, MX])
    assert refusal is not None
    error = refusal.raised(refusal.fix)
    assert (error.exit_code, error.hint) == (4, "deployhost domains add shop www.example.com --replace")
    assert error.message == ("www.example.com has a DNS record that deployhost did not make: A 203.0.113.7")
    for fine in ([], [MX], [record()], [record(comment="by hand")], [record(content=tunnel_target("earlier"))]):
        assert foreign(SERVER, WWW, SHOP, fine) is None


# Zones of all kinds, of a few names: any record, of anybody.
names = st.sampled_from(["example.com", "www.example.com", "a.example.com", "a.b.example.com", SERVER.webhook_host])
apps = st.sampled_from([SHOP, BLOG])
comments = st.sampled_from(
    ["", "mine", app_comment(ID, SHOP), app_comment(ID, BLOG), webhook_comment(ID), app_comment("9999999999", SHOP)]
)
contents = st.sampled_from([TARGET, tunnel_target("earlier"), "203.0.113.7", "other.example.net"])
kinds = st.sampled_from(["CNAME", "A", "AAAA", "TXT", "MX"])
zones = st.lists(
    st.builds(
        lambda name, content, comment, kind, proxied: DnsRecord(
            id="", type=kind, name=name, content=content, comment=comment, proxied=proxied
        ),
        names, contents, comments, kinds, st.booleans(),
    ),
    max_size=8,
).map(lambda found: tuple(replace(one, id=str(number)) for number, one in enumerate(found)))  # fmt: skip
everything = st.builds(
    lambda records, wanted, unknown, given_up: facts(
        *records, wanted=wanted, unknown=frozenset(unknown), replace=frozenset(map(Domain, given_up))
    ),
    zones,
    st.dictionaries(names, apps),
    st.sets(apps),
    st.sets(names),
)


def done(zone: RecordsFacts) -> tuple[DnsRecord, ...]:
    """Return the records of a zone once its plan has been carried out."""
    records = {one.id: one for one in zone.records}
    for step in plan_records(zone).steps:
        if isinstance(step, DeleteDomainRecord):
            del records[step.record_id]
        elif isinstance(step, CreateDomainRecord | ReplaceDomainRecords):
            for old in step.old if isinstance(step, ReplaceDomainRecords) else ():
                del records[old]
            made = step.record
            records[f"new {made.name}"] = record(made.name, made.target, made.comment)
    return tuple(records.values())


@given(everything)
def test_nothing_foreign_is_touched(zone: RecordsFacts) -> None:
    left = {one.id for one in done(zone)}
    for gone in (one for one in zone.records if one.id not in left):
        mine = gone.comment.startswith(f"deployhost {ID} ") and gone.content.endswith(".cfargotunnel.com")
        assert mine or gone.name in zone.replace
        assert gone.type in ("CNAME", "A", "AAAA")
        assert gone.name != SERVER.webhook_host


@given(everything)
def test_no_wish_is_guessed(zone: RecordsFacts) -> None:
    """What nobody can tell of is not deleted: it is replaced only where another app wants that very name."""
    left = {one.id for one in done(zone)}
    for gone in (one for one in zone.records if one.id not in left):
        app = app_of(gone.comment, ID)
        assert app not in zone.unknown or Domain(gone.name) in zone.wanted


@given(everything)
def test_twice_is_once(zone: RecordsFacts) -> None:
    plan = plan_records(zone)
    after = replace(zone, records=done(zone))
    assert plan_records(after).steps == ()
    assert set(plan_records(after).refused) == set(plan.refused)
    for domain in zone.wanted:
        rivals = [one for one in after.records if one.name == domain and one.type in ("CNAME", "A", "AAAA")]
        assert domain in plan.refused or any(one.content == TARGET and one.proxied for one in rivals)
