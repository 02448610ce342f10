"""Checkpoints with a checksum of what was applied, and how far the ledger was held against them."""

from alembic import op

revision = "read_0004"
down_revision = "read_0003"
branch_labels = None
depends_on = None

# What is projected by now is taken for applied rightly: nobody has counted. A rebuild or `staysync verify` tells.
_SUM_UP = """
do $$
declare
    hotel record;
    applied record;
    summed bytea;
begin
    for hotel in select hotel_id, seq from read.checkpoint where seq > 0 loop
        summed := decode(repeat('00', 32), 'hex');
        for applied in
            select hash from ledger.event where hotel_id = hotel.hotel_id and seq <= hotel.seq order by seq
        loop
            summed := sha256(summed || applied.hash);
        end loop;
        update read.checkpoint set checksum = summed where hotel_id = hotel.hotel_id;
    end loop;
end $$
"""

STATEMENTS = (
    r"alter table read.checkpoint add column checksum bytea not null default '\x00'::bytea",
    _SUM_UP,
    r"""
    alter table read.checkpoint
        alter column checksum set default '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea
    """,
    "update read.checkpoint set checksum = default where seq = 0",
    "alter table read.checkpoint add constraint checkpoint_checksum_check check (length(checksum) = 32)",
    "comment on column read.checkpoint.checksum is 'SHA-256 over the checksum before and the hash of each event.'",
    "create index checkpoint_parked on read.checkpoint (parked_at, hotel_id) where parked_seq is not null",
    """
    create table read.audit (
        hotel_id uuid primary key,
        seq bigint not null check (seq >= 0),
        checksum bytea not null check (length(checksum) = 32),
        alarm text,
        alarm_at timestamptz,
        constraint audit_alarm_whole check ((alarm is null) = (alarm_at is null))
    ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table read.audit is 'Up to which event the ledger was summed up to be held against the checkpoints,"
    " and what was found amiss.'",
    "create index audit_alarm on read.audit (alarm_at, hotel_id) where alarm is not null",
)

GRANTS = (
    "grant select, insert, update, delete on read.audit to staysync_projector",
    "grant select on read.audit to staysync_query",
)


def upgrade() -> None:
    """Add them."""
    for statement in (*STATEMENTS, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    op.execute("drop table read.audit")
    op.execute("drop index read.checkpoint_parked")
    op.execute("alter table read.checkpoint drop column checksum")
