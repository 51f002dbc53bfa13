"""The shapes of ticket systems, one for each kind; the keys are those of the adapters' own settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ringfence.config.schema.base import BaseUrl, HttpUrl, SecretKey, Shape, Text, key, required

Repository = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$")]
Project = Annotated[str, Field(pattern=r"^([0-9]{1,18}|[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+)$")]
ProjectKey = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,49}$")]
HostName = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45})$")
]
Mailbox = Annotated[str, Field(pattern=r"^[^\s@<>,;\"]{1,64}@[A-Za-z0-9.-]{1,253}$")]
Labels = Annotated[list[Annotated[Text, Field(max_length=100)]], Field(max_length=20)]


class BuiltinShape(Shape):
    kind: Literal["builtin"] = required("A list of Ringfence's own; nobody is asked.")


class WebhookShape(Shape):
    kind: Literal["webhook"] = required("A signed HTTP request (Standard Webhooks).")
    url: HttpUrl = required("Where it is posted.")
    secrets: list[SecretKey] = required(
        "Signing secrets (`whsec_…`); all sign.", min_length=1, max_length=5
    )


class GithubShape(Shape):
    kind: Literal["github"] = required("Issues of a GitHub repository.")
    repository: Repository = required("`owner/name`.")
    token: SecretKey = required("A token that may write issues there.")
    base_url: BaseUrl = key("The API's root.", default="https://api.github.com")
    labels: Labels = key("Labels of new issues.", default="[]")


class GitlabShape(Shape):
    kind: Literal["gitlab"] = required("Issues of a GitLab project.")
    project: Project = required("`group/name` or its number.")
    token: SecretKey = required("A token that may write issues there.")
    base_url: BaseUrl = key("The server's root.", default="https://gitlab.com")
    labels: Labels = key("Labels of new issues.", default="[]")


class JiraShape(Shape):
    kind: Literal["jira"] = required("Issues of a Jira project.")
    base_url: BaseUrl = required("The site's root.")
    project: ProjectKey = required("The project's key, such as OPS.")
    issue_type: Text = key("The type of new issues.", default="Task")
    user: Mailbox = required("The e-mail address that the token belongs to.")
    token: SecretKey = required("Its API token.")
    done_transition: Text = key(
        "The transition that closes an issue, by its name.",
        default="the first to a status of the category Done",
    )
    labels: Labels = key("Labels of new issues.", default="[]")


class SmtpShape(Shape):
    kind: Literal["smtp"] = required("An e-mail for each.")
    host: HostName = required("The mail server.")
    port: Annotated[int, Field(ge=1, le=65_535)] = key(
        "Its port.", default="587; 465 with tls, 25 with none"
    )
    tls: Literal["starttls", "tls", "none"] = key(
        "How it is protected; none on this machine only.", default="starttls"
    )
    user: Text = key("Who logs in.", default="none")
    password: SecretKey = key("With what.", default="none")
    from_: Mailbox = required("Who writes.", alias="from")
    to: list[Mailbox] = required("Who is written to.", min_length=1, max_length=50)


TICKET_SHAPES: dict[str, type[Shape]] = {
    "builtin": BuiltinShape,
    "webhook": WebhookShape,
    "github": GithubShape,
    "gitlab": GitlabShape,
    "jira": JiraShape,
    "smtp": SmtpShape,
}
