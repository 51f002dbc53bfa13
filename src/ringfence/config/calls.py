"""What calls add to each line of a configuration while it is loaded: their settings, their paths on the
public listener, and the time that the line's policy leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ringfence.config.accounts import Account
from ringfence.config.problems import Problems
from ringfence.config.voices import VoiceMaker
from ringfence.delivery.flow import Operations
from ringfence.model.line import Line
from ringfence.model.oncall import Channel, EscalationPolicy
from ringfence.policy.policy import Policy
from ringfence.policy.rules import call_limits


@dataclass(slots=True)
class Calls:
    """`voices` are the calls' accounts by line id."""

    voices: Mapping[str, Account]
    problems: Problems
    warnings: list[str]

    def attached(self, maker: VoiceMaker, line: Line, account: Account) -> Line:
        voice = self.voices.get(line.id)
        if voice is None:
            return line
        made = maker.make(line, account, voice)
        if line.enabled and made.voice is not None and made.voice.blocked_reason:
            self.warnings.append(f"line {line.id} has no calls: {made.voice.blocked_reason}")
        return made

    def bounded(self, line: Line, policy: Policy) -> Line:
        """The line's calls under what its policy allows; a longer one than that cannot be meant."""
        if line.voice is None:
            return line
        settings = policy.settings.get(call_limits.RULE.name, call_limits.RULE.settings)
        limit_s = settings.minutes * 60
        voice = self.voices[line.id]
        if line.voice.limit_s > limit_s and "maxDurationSeconds" in voice.values:
            self.problems.add(
                voice.path("maxDurationSeconds"),
                f"at most {limit_s} (policy.callLimits.minutes is {settings.minutes})",
                line.voice.limit_s,
            )
        bounded = replace(line.voice, limit_s=min(line.voice.limit_s, limit_s))
        return replace(line, voice=bounded)

    def unanswered(self, lines: Sequence[Line], operations: Operations) -> list[str]:
        """Warnings: escalation policies that ring people by a line which cannot."""
        able = {line.id for line in lines if line.voice_url is not None}
        told = {}
        for flow in operations.flows:
            policy = operations.policies.get(flow.alert.policy) if flow.alert else None
            if policy is not None and _rings(policy):
                theirs = {one.line for one in operations.responders.values() if one.line}
                for name in sorted(({flow.line} | theirs) - able):
                    told[policy.name, name] = (
                        f"escalationPolicies.{policy.name} rings people, and line {name} has no calls: "
                        "those ways fail at once; configure channels.voice"
                    )
        return list(told.values())

    def check(self, lines: Sequence[Line]) -> None:
        self._check_paths(lines)
        self._check_numbers(lines)

    def _check_numbers(self, lines: Sequence[Line]) -> None:
        """A call to a number is one line's."""
        for line in lines:
            for number, _ in line.voice.routes if line.voice else ():
                for other in lines:
                    if other is not line and other.takes_calls_to(number):
                        self.problems.refuse(
                            self.voices[line.id].path(f"numbers.{number}"),
                            f"is for calls of line {other.id}: write it with those",
                        )

    def _check_paths(self, lines: Sequence[Line]) -> None:
        """B104: one webhook, one line. Media sockets are told apart by their tokens, so lines may
        share their path, but no webhook lies on it."""
        taken = {line.webhook_path: line.id for line in lines if line.enabled}
        streams = [line.voice.stream.path for line in lines if line.voice and line.voice.stream]
        for line in lines:
            if not line.enabled or line.voice is None:
                continue
            voice, path = self.voices[line.id], line.voice.webhook_path
            if path in taken:
                whose = "texts" if taken[path] == line.id else taken[path]
                self.problems.add(
                    voice.path("webhookPath"),
                    f"a path of its own ({whose} and calls of {line.id} share it)",
                    path,
                )
            taken.setdefault(path, line.id)
        for path in taken:
            for stream in streams:
                if path == stream or path.startswith(stream + "/"):
                    self.problems.refuse(
                        "channels.voice.streaming.streamPath",
                        f"{stream} is where the webhook {path} is: give media sockets another path",
                    )


def _rings(policy: EscalationPolicy) -> bool:
    return any(way.channel is Channel.CALL for step in policy.steps for way in step.ways)
