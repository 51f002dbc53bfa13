"""`ringfence templates`: what there is, what the linter says, how one would read. Templates are
changed in the configuration; nothing here stores or sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.model.template import Template

LISTED = ("name", "version", "category", "programme", "languages", "fields", "meaning")

name_argument = click.argument("name", metavar="NAME")


@click.group("templates")
def command() -> None:
    """Templates: list, show, lint, preview. They are written in the configuration."""


@command.command("list")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Every template, by name."""
    templates = common.settings(ctx).templates
    rows = [_row(templates[name]) for name in sorted(templates)]
    if as_json:
        common.print_json({"templates": rows})
    else:
        common.print_table([_flat(row) for row in rows], LISTED, "No templates are configured.")


@command.command("show")
@name_argument
@common.json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """One template: its texts, its fields and what each takes, and the linter's findings."""
    from ringfence.gateway.templates import template_of, template_view

    view = template_view(template_of(common.settings(ctx).templates, name))
    if as_json:
        common.print_json(view)
        return
    for key in ("name", "version", "category", "programme", "sender", "meaning", "segments_max"):
        if view[key] is not None:
            click.echo(f"{key:<14}{view[key]}")
    if view["hosts"]:
        click.echo(f"{'hosts':<14}{', '.join(view['hosts'])}")
    for language, text in view["texts"].items():
        click.echo(f"text {language:<9}{_indented(text)}")
    for field, told in view["fields"].items():
        limits = (f"{key} {value}" for key, value in told.items() if value and key != "kind")
        click.echo(f"field {field:<8}" + ", ".join([told["kind"], *limits]))
    _print_findings([{"template": view["name"], **one} for one in view["findings"]])


@command.command("lint")
@click.argument("name", metavar="[NAME]", required=False)
@common.json_option
@click.pass_context
def lint(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Check every template, or NAME: words that mean something else as an answer, links, fields,
    segments, missing disclosure, and texts that changed without a new version. Exit code 1 when
    there is an error."""
    from ringfence.config import load
    from ringfence.model.errors import ConfigInvalid

    try:
        load(ctx.find_root().obj, common.environ(ctx))
    except ConfigInvalid as error:
        found = [told for problem in error.problems if (told := _of_problem(problem, name))]
        if not found:
            raise
        _print_lint(found, as_json)
        ctx.exit(1)
    found = common.with_gateway(ctx, lambda gateway: _lint(gateway, name))
    _print_lint(found, as_json)
    if any(one["severity"] == "error" for one in found):
        ctx.exit(1)


@command.command("preview")
@name_argument
@common.set_option
@common.language_option
@common.json_option
@click.pass_context
def preview(
    ctx: click.Context, name: str, given: tuple[str, ...], language: str, as_json: bool
) -> None:
    """How NAME would read and what it would cost. Fields that are not set get an example."""
    from ringfence.gateway.templates import preview as previewed
    from ringfence.gateway.templates import preview_view, template_of

    values = common.fields_of(given)
    template = template_of(common.settings(ctx).templates, name)
    view = preview_view(previewed(template, language, values))
    if as_json:
        common.print_json(view)
        return
    click.echo(view["text"])
    most = f", {view['segments_longest']} with the longest values"
    many = "s" if view["segments"] != 1 else ""
    click.echo(f"\n{view['language']}: {view['segments']} segment{many}, {view['encoding']}{most}")
    if view["sampled"]:
        click.echo(f"Examples stand in for: {', '.join(view['sampled'])}")


async def _lint(gateway: Gateway, name: str | None) -> list[dict[str, Any]]:
    from ringfence.gateway.templates import finding_view, known_digest, template_of
    from ringfence.text.template_lint import lint as linted

    templates = gateway.kit.templates
    chosen = [template_of(templates, name)] if name else [templates[one] for one in templates]

    def known(tx: Any) -> dict[str, str]:
        return {one.name: known_digest(tx, one) for one in chosen}

    digests = await gateway.kit.store.read(known)
    return [
        {"template": one.name, **finding_view(finding)}
        for one in chosen
        for finding in linted(one, known_digest=digests[one.name])
    ]


def _of_problem(problem: str, name: str | None) -> dict[str, str] | None:
    """A problem of the configuration as a finding; None where it is no template's, or another's."""
    path, _, text = problem.partition(": ")
    section, _, rest = path.partition(".")
    template, _, where = rest.partition(".")
    if section != "templates" or (name is not None and template != name.partition("@")[0]):
        return None
    return {"template": template, "severity": "error", "where": where, "text": text}


def _print_lint(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        ok = not any(one["severity"] == "error" for one in found)
        common.print_json({"ok": ok, "findings": found})
    elif found:
        _print_findings(found)
    else:
        click.echo("Nothing to find fault with.")


def _print_findings(found: list[dict[str, Any]]) -> None:
    for one in found:
        where = f"{one['template']}.{one['where']}".rstrip(".")
        click.echo(f"{one['severity']}: {where}: {one['text']}")


def _row(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "version": template.version,
        "category": template.category.value,
        "programme": template.programme or None,
        "languages": list(template.texts),
        "fields": list(template.fields),
        "meaning": template.meaning or None,
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    lists = {key: ", ".join(value) or None for key, value in row.items() if isinstance(value, list)}
    return row | lists


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 14)
