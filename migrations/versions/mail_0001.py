"""Mails: how far each hotel's ledger was followed for them, and a row for each mail that is to go, went or can't go."""

from alembic import op

revision = "mail_0001"
down_revision = "read_0004"
branch_labels = None
depends_on = None

UP = (
    "create schema mail",
    """
    create table mail.checkpoint (
        hotel_id uuid primary key,
        seq bigint not null default 0 check (seq >= 0),
        updated_at timestamptz not null default clock_timestamp()
    ) with (fillfactor = 50)
    """,
    "comment on table mail.checkpoint is 'How far the ledger of each hotel was followed for mails.'",
    """
    create table mail.message (
        message_id uuid primary key,
        hotel_id uuid not null,
        booking_id uuid not null,
        seq bigint not null,
        version integer not null,
        kind text not null check (
            kind in ('confirmation', 'change', 'cancellation', 'hold_expiring', 'before_arrival', 'after_departure')
        ),
        state text not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'failed', 'dropped')),
        due_at timestamptz not null,
        attempts integer not null default 0 check (attempts >= 0),
        error text check (length(error) <= 200),
        created_at timestamptz not null default clock_timestamp(),
        sent_at timestamptz,
        constraint message_of_event unique (hotel_id, seq, kind),
        check ((state = 'sent') = (sent_at is not null))
    ) with (fillfactor = 80)
    """,
    "comment on table mail.message is"
    " 'Mails about bookings. No row holds anything personal: whom a mail goes to and what it says is read when it is"
    " sent.'",
    "comment on column mail.message.message_id is"
    " 'Follows from hotel, event and kind, or from booking and kind where there is one mail of it per booking.'",
    "comment on column mail.message.due_at is"
    " 'When it is to be sent; of one that is being sent, when its sender counts as dead.'",
    "create index message_due on mail.message (due_at) where state in ('waiting', 'sending')",
    "create index message_unfinished on mail.message (hotel_id, booking_id, seq) where state in ('waiting', 'sending')",
    "create index message_listed on mail.message (created_at, message_id)",
    "create index message_troubled on mail.message (state, created_at, message_id)"
    " where state in ('failed', 'dropped')",
    # What happened before there were mails is nobody's news any more.
    "insert into mail.checkpoint (hotel_id, seq) select hotel_id, seq from ledger.head where seq > 0",
    "grant usage on schema mail, ledger, read, identity to staysync_mail",
    "grant select, insert, update on mail.checkpoint, mail.message to staysync_mail",
    "grant select on ledger.event, read.checkpoint, read.hotel, read.room_type, read.guest to staysync_mail",
    # Whether a guest's key is there, not the key.
    "grant select (hotel_id, guest_id) on ledger.guest_key to staysync_mail",
    "grant select (account_id, email, full_name) on identity.account to staysync_mail",
    "grant select on identity.outbox to staysync_mail",
    "grant update (sealed, sent_at, attempts, next_attempt_at, last_error) on identity.outbox to staysync_mail",
    # Bookkeeping of what a mail became, so that a refused address shows without being repeated.
    "create index outbox_listed on identity.outbox (created_at, mail_id)",
)

DOWN = (
    "drop index identity.outbox_listed",
    "revoke all on identity.outbox, identity.account from staysync_mail",
    "revoke all (account_id, email, full_name) on identity.account from staysync_mail",
    "revoke all (sealed, sent_at, attempts, next_attempt_at, last_error) on identity.outbox from staysync_mail",
    "revoke all on ledger.event from staysync_mail",
    "revoke all (hotel_id, guest_id) on ledger.guest_key from staysync_mail",
    "revoke all on read.checkpoint, read.hotel, read.room_type, read.guest from staysync_mail",
    "revoke usage on schema ledger, read, identity from staysync_mail",
    "drop schema mail cascade",
)


def upgrade() -> None:
    """Make the tables, and begin with what happens from now on."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take them away; which mails were sent is forgotten."""
    for statement in DOWN:
        op.execute(statement)
