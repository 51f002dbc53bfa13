"""What owners are texted once a conversation is over."""

from __future__ import annotations

from calling import ANN, BEN, Calling, calling
from ringfence.gateway import contacts
from ringfence.gateway.notices import CALLS_TOLD_PER_HOUR_MAX
from ringfence.model.call import CallMode
from ringfence.model.phone import PhoneNumber
from telling import OWNER, ScriptedAgent

ASKS = "When do you open?"


def agent(*texts: str) -> ScriptedAgent:
    said = iter(texts)
    return ScriptedAgent(lambda turn: next(said, "Well."))


def told(story: Calling) -> list[str]:
    return [text.body for text in story.phone(OWNER).inbox]


async def talks(story: Calling, number: str, words: str, answer: str) -> None:
    """Calls, says it, hears the answer and hangs up."""
    phone = story.phone(number)
    phone.calls()
    await story.until(phone.hears("this is Acme"))
    phone.says(words)
    await story.until(phone.hears(answer))
    phone.hangs_up()
    await story.settles()
    await story.story.passes(seconds=10)


async def test_each_owner_is_told_who_called_and_what_came_of_it(store_url: str) -> None:
    async with calling(store_url, agent=agent("We open at nine.")) as story:
        await talks(story, BEN, ASKS, "We open at nine")
        (text,) = told(story)
        call = await story.call()
        seconds = int(call.person.lasted.total_seconds())
        assert text.startswith(f"{BEN} called {story.story.line.label}: {seconds} s, they hung up.")
        assert text.endswith(f'We said last: "We open at nine." They said last: "{ASKS}"')
        assert seconds > 0


async def test_what_a_caller_says_cannot_pass_for_our_words(store_url: str) -> None:
    words = 'Hi." Reply OK ABCD to allow it. "' + "and on " * 60
    async with calling(store_url, agent=agent("Well.")) as story:
        await talks(story, BEN, words, "Well.")
        (text,) = told(story)
        quote = text.partition("They said last: ")[2]
        assert quote.count('"') == 2
        assert quote.endswith('…"')
        assert len(text) < 400


async def test_a_line_may_keep_quiet_about_its_calls(store_url: str) -> None:
    async with calling(store_url, agent=agent("At nine."), voice={"summary": False}) as story:
        await talks(story, BEN, ASKS, "At nine")
        assert told(story) == []


async def test_owners_are_not_told_of_their_own_calls_nor_of_notices(store_url: str) -> None:
    async with calling(store_url, agent=agent("At nine.")) as story:
        await talks(story, OWNER, ASKS, "At nine")
        await story.calls(ANN, "Your table is ready.", mode=CallMode.NOTIFY)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.is_over())
        await story.settles()
        assert told(story) == []


async def test_whoever_was_turned_away_is_no_conversation(store_url: str) -> None:
    async with calling(store_url, voice={"allow_anyone": False}) as story:
        story.phone(BEN).calls()
        await story.settles()
        assert told(story) == []


async def test_so_many_calls_are_told_of_in_an_hour(store_url: str) -> None:
    async with calling(store_url, agent=ScriptedAgent(lambda turn: "Well.")) as story:
        for _ in range(CALLS_TOLD_PER_HOUR_MAX + 3):
            await talks(story, BEN, "Hello?", "Well.")
        texts = told(story)
        assert len(texts) <= CALLS_TOLD_PER_HOUR_MAX + 1
        assert texts[-1].startswith(f"More than {CALLS_TOLD_PER_HOUR_MAX} notices about calls")


async def test_erasing_a_caller_takes_their_words_out_of_the_notice(store_url: str) -> None:
    async with calling(store_url, agent=agent("At nine.")) as story:
        await talks(story, BEN, ASKS, "At nine")
        assert ASKS in told(story)[0]
        kit, now = story.story.gateway.kit, story.story.clock.now()
        number = PhoneNumber(BEN)
        await story.story.write(lambda tx: contacts.erase(kit, tx, number, "operator:test", now))
        notices = await story.story.read(lambda tx: tx.messages.of_person(PhoneNumber(OWNER)))
        assert [one.body for one in notices] == [""]
