"""All table groups over one connection: what a job sees as its Tx. Made once per connection and
used for one transaction after another."""

from __future__ import annotations

from ringfence import ports
from ringfence.store.access import AccessTable
from ringfence.store.acquaintances import AcquaintanceTable
from ringfence.store.alerts import AlertTable
from ringfence.store.audit import AuditTable
from ringfence.store.calls import CallTable
from ringfence.store.checkpoints import CheckpointTable
from ringfence.store.connection import Connection
from ringfence.store.consents import ConsentTable
from ringfence.store.counters import CounterTable
from ringfence.store.drafts import DraftTable
from ringfence.store.duty import DutyTable
from ringfence.store.events import EventTable
from ringfence.store.grants import GrantTable
from ringfence.store.guesses import GuessTable
from ringfence.store.health import HealthView
from ringfence.store.idempotency import IdempotencyTable
from ringfence.store.intakes import IntakeTable
from ringfence.store.media import MediaTable
from ringfence.store.messages import MessageTable
from ringfence.store.outbox import OutboxTable
from ringfence.store.pauses import PauseTable
from ringfence.store.people import PeopleTable
from ringfence.store.planned import PlannedTable
from ringfence.store.policies import PolicyTable
from ringfence.store.privacy import PrivacyTable
from ringfence.store.records import RecordView
from ringfence.store.source_events import SourceEventTable
from ringfence.store.switches import LineStopTable, SwitchTable
from ringfence.store.tallies import Tallies
from ringfence.store.templates import TemplateTable
from ringfence.store.tickets import TicketTable
from ringfence.store.tokens import TokenTable
from ringfence.store.turns import TurnTable
from ringfence.store.watches import WatchTable


class Transaction:
    """Fulfils ports.Tx."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._tallies = Tallies(db)
        self._audit = AuditTable(db)
        self.people: ports.People = PeopleTable(db)
        self.access: ports.Access = AccessTable(db)
        self.switches: ports.Switches = SwitchTable(db)
        self.messages: ports.Messages = MessageTable(db)
        self.drafts: ports.Drafts = DraftTable(db)
        self.grants: ports.Grants = GrantTable(db)
        self.pauses: ports.Pauses = PauseTable(db)
        self.intakes: ports.Intakes = IntakeTable(db)
        self.acquaintances: ports.Acquaintances = AcquaintanceTable(db)
        self._policies = PolicyTable(db)
        self.policies: ports.Policies = self._policies
        self.templates: ports.Templates = TemplateTable(db)
        self.consents: ports.Consents = ConsentTable(db)
        self.guesses: ports.Guesses = GuessTable(db)
        self.privacy: ports.Privacy = PrivacyTable(db, self._tallies)
        self.turns: ports.Turns = TurnTable(db, self._tallies)
        self.outbox: ports.Outbox = OutboxTable(db, self._tallies)
        self.watches: ports.Watches = WatchTable(db)
        self.counters: ports.Counters = CounterTable(db)
        self.events: ports.Events = EventTable(db, self._tallies)
        self.idempotency: ports.Idempotency = IdempotencyTable(db)
        self.media: ports.MediaShelf = MediaTable(db)
        self.audit: ports.Audit = self._audit
        self.checkpoints: ports.Checkpoints = CheckpointTable(db)
        self.records: ports.Records = RecordView(db)
        self.lines: ports.LineStates = LineStopTable(db)
        self.tokens: ports.Tokens = TokenTable(db)
        self.health: ports.Health = HealthView(db, self._tallies)
        self.source_events: ports.SourceEvents = SourceEventTable(db)
        self.alerts: ports.Alerts = AlertTable(db, self._tallies)
        self.planned: ports.PlannedMessages = PlannedTable(db, self._tallies)
        self.tickets: ports.Tickets = TicketTable(db)
        self.duty: ports.Duty = DutyTable(db)
        self.calls: ports.Calls = CallTable(db)

    def begin(self) -> None:
        self._audit.reset()
        self._tallies.reset()
        self._db.begin()

    def commit(self) -> None:
        """Write what was buffered, then make it all durable."""
        self._audit.flush()
        self._tallies.flush()
        self._db.commit()
        self._policies.kept()

    def rollback(self) -> None:
        self._policies.undone()
        self._db.rollback()

    def mark(self) -> None:
        """One job begins, in a transaction that others share."""
        self._marked = (self._audit.buffered(), self._tallies.buffered())
        self._db.mark()

    def keep(self) -> None:
        self._db.keep()

    def undo(self) -> None:
        """Take back what was done since `mark`, buffers included."""
        self._policies.undone()
        self._db.undo()
        entries, moves = self._marked
        self._audit.restore(entries)
        self._tallies.restore(moves)
