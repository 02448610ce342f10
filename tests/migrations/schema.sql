CREATE SCHEMA identity;
ALTER SCHEMA identity OWNER TO staysync_owner;
CREATE SCHEMA ledger;
ALTER SCHEMA ledger OWNER TO staysync_owner;
CREATE SCHEMA read;
ALTER SCHEMA read OWNER TO staysync_owner;
CREATE TABLE identity.access_log (
    at timestamp with time zone NOT NULL,
    entry_id bigint NOT NULL,
    event text NOT NULL,
    request_id text NOT NULL,
    address text,
    agent text,
    actor text NOT NULL,
    account_id uuid,
    subject_id uuid,
    hotel_id uuid,
    booking_id uuid,
    method text NOT NULL,
    route text,
    status smallint,
    code text,
    CONSTRAINT access_log_agent_check CHECK ((length(agent) <= 120)),
    CONSTRAINT access_log_event_check CHECK ((event ~ '^[a-z_]{3,40}$'::text))
);
ALTER TABLE identity.access_log OWNER TO staysync_owner;
COMMENT ON TABLE identity.access_log IS 'Sign-ins, refusals, changes of roles, writes, and reads of personal data. Nothing refers to an account by a key, so that an entry outlives the account.';
COMMENT ON COLUMN identity.access_log.subject_id IS 'The account that was changed, where that is another one.';
COMMENT ON COLUMN identity.access_log.status IS 'Null where the client went before it was answered.';
CREATE FUNCTION identity.forget_access(before timestamp with time zone, most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    BEGIN ATOMIC
 WITH old AS (
          SELECT access_log.at,
             access_log.entry_id
            FROM identity.access_log
           WHERE (access_log.at < LEAST(forget_access.before, (clock_timestamp() - '7 days'::interval)))
           ORDER BY access_log.at, access_log.entry_id
          LIMIT forget_access.most
         ), forgotten AS (
          DELETE FROM identity.access_log l
            USING old
           WHERE ((l.at = old.at) AND (l.entry_id = old.entry_id))
           RETURNING 1 AS "?column?"
         )
  SELECT (count(*))::integer AS count
    FROM forgotten;
END;
ALTER FUNCTION identity.forget_access(before timestamp with time zone, most integer) OWNER TO staysync_owner;
COMMENT ON FUNCTION identity.forget_access(before timestamp with time zone, most integer) IS 'Deletes the oldest entries before an instant, so many at most.';
CREATE FUNCTION ledger.expect_count(what text, actual bigint, expected bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
    begin
        if actual is distinct from expected then
            raise exception 'the guard counted % of % %', actual, expected, what using errcode = 'SS001';
        end if;
    end
    $$;
ALTER FUNCTION ledger.expect_count(what text, actual bigint, expected bigint) OWNER TO staysync_owner;
COMMENT ON FUNCTION ledger.expect_count(what text, actual bigint, expected bigint) IS 'Ends an append whose guarded rows are not exactly those expected.';
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
    begin
        raise exception '% on ledger.% is refused: the ledger is append-only', tg_op, tg_table_name
            using errcode = 'SS002';
    end
    $$;
ALTER FUNCTION ledger.refuse_change() OWNER TO staysync_owner;
ALTER TABLE identity.access_log ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME identity.access_log_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE identity.account (
    account_id uuid NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    full_name text NOT NULL,
    is_administrator boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    email_verified_at timestamp with time zone,
    language text DEFAULT 'en'::text NOT NULL,
    roles_version integer DEFAULT 1 NOT NULL,
    roles_changed_at timestamp with time zone,
    CONSTRAINT account_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
    CONSTRAINT account_full_name_check CHECK (((length(full_name) >= 1) AND (length(full_name) <= 200))),
    CONSTRAINT account_language_check CHECK ((language ~ '^[a-z]{2,3}(-[A-Z]{2})?$'::text))
);
ALTER TABLE identity.account OWNER TO staysync_owner;
COMMENT ON TABLE identity.account IS 'Who can sign in. Administrators may do everything in every hotel.';
COMMENT ON COLUMN identity.account.roles_version IS 'Raised with every change of roles; access tokens carry it, and older ones are refused.';
CREATE TABLE identity.api_key (
    key_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    hotel_ids uuid[] NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_key_hotel_ids_check CHECK (((cardinality(hotel_ids) >= 1) AND (cardinality(hotel_ids) <= 50))),
    CONSTRAINT api_key_key_hash_check CHECK ((length(key_hash) = 32)),
    CONSTRAINT api_key_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT api_key_prefix_check CHECK ((length(prefix) = 12)),
    CONSTRAINT api_key_role_check CHECK ((role = ANY (ARRAY['front_desk'::text, 'revenue_manager'::text, 'manager'::text, 'auditor'::text]))),
    CONSTRAINT api_key_scopes_check CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['read'::text, 'book'::text, 'manage'::text])))
);
ALTER TABLE identity.api_key OWNER TO staysync_owner;
COMMENT ON TABLE identity.api_key IS 'Keys of programs, as hashes. One works at those of its hotels whose manager its maker is now.';
CREATE TABLE identity.claimed_booking (
    account_id uuid NOT NULL,
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE identity.claimed_booking OWNER TO staysync_owner;
COMMENT ON TABLE identity.claimed_booking IS 'Bookings whose guest or booker had the verified e-mail of the account when it claimed them.';
CREATE TABLE identity.membership (
    account_id uuid NOT NULL,
    hotel_id uuid NOT NULL,
    role text NOT NULL,
    CONSTRAINT membership_role_check CHECK ((role = ANY (ARRAY['front_desk'::text, 'revenue_manager'::text, 'manager'::text, 'auditor'::text])))
);
ALTER TABLE identity.membership OWNER TO staysync_owner;
COMMENT ON TABLE identity.membership IS 'The role of an account at a hotel; no row, no access.';
CREATE TABLE identity.one_time_token (
    token_hash bytea NOT NULL,
    account_id uuid,
    purpose text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT one_time_token_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text]))),
    CONSTRAINT one_time_token_token_hash_check CHECK ((length(token_hash) = 32))
);
ALTER TABLE identity.one_time_token OWNER TO staysync_owner;
COMMENT ON TABLE identity.one_time_token IS 'Hashes of tokens that were mailed; using one deletes it. Without an account: a request for an address that has none, which costs the same.';
CREATE TABLE identity.outbox (
    mail_id uuid NOT NULL,
    account_id uuid NOT NULL,
    template text NOT NULL,
    language text NOT NULL,
    sealed bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    sent_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT clock_timestamp(),
    last_error text,
    CONSTRAINT outbox_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT outbox_check CHECK (((sent_at IS NULL) OR ((sealed IS NULL) AND (next_attempt_at IS NULL)))),
    CONSTRAINT outbox_last_error_check CHECK ((length(last_error) <= 500)),
    CONSTRAINT outbox_template_check CHECK ((template = ANY (ARRAY['verify_email'::text, 'already_registered'::text, 'reset_password'::text, 'password_changed'::text, 'session_stolen'::text])))
);
ALTER TABLE identity.outbox OWNER TO staysync_owner;
COMMENT ON TABLE identity.outbox IS 'Mails of accounts. What a mail carries is sealed with a key that is not in the database, and goes once it is sent.';
CREATE TABLE identity.refresh_token (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT refresh_token_token_hash_check CHECK ((length(token_hash) = 32))
);
ALTER TABLE identity.refresh_token OWNER TO staysync_owner;
COMMENT ON TABLE identity.refresh_token IS 'Hashes of refresh tokens. A used one that comes back was stolen.';
CREATE TABLE identity.session (
    session_id uuid NOT NULL,
    account_id uuid NOT NULL,
    csrf_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    last_used_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    previous_hash bytea,
    rotation_nonce bytea,
    rotated_at timestamp with time zone,
    CONSTRAINT session_check CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT session_check1 CHECK ((num_nonnulls(previous_hash, rotation_nonce, rotated_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT session_csrf_hash_check CHECK ((length(csrf_hash) = 32)),
    CONSTRAINT session_ended_by_check CHECK ((ended_by = ANY (ARRAY['signed_out'::text, 'token_reused'::text, 'revoked'::text, 'password_changed'::text, 'password_reset'::text]))),
    CONSTRAINT session_previous_hash_check CHECK ((length(previous_hash) = 32)),
    CONSTRAINT session_rotation_nonce_check CHECK ((length(rotation_nonce) = 32))
);
ALTER TABLE identity.session OWNER TO staysync_owner;
COMMENT ON TABLE identity.session IS 'One sign-in: the family of all refresh tokens that came out of it.';
COMMENT ON COLUMN identity.session.rotation_nonce IS 'With the token before, which is not kept, gives the present one: for two tabs that refresh at once.';
CREATE TABLE ledger.event (
    hotel_id uuid NOT NULL,
    seq bigint NOT NULL,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    schema_version smallint NOT NULL,
    type text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT event_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT event_schema_version_check CHECK ((schema_version > 0)),
    CONSTRAINT event_seq_check CHECK ((seq > 0)),
    CONSTRAINT event_version_check CHECK ((version > 0))
);
ALTER TABLE ledger.event OWNER TO staysync_owner;
COMMENT ON TABLE ledger.event IS 'What happened, per hotel without gaps, never changed, chained by hash.';
CREATE TABLE ledger.guest_key (
    hotel_id uuid NOT NULL,
    guest_id uuid NOT NULL,
    master_key text NOT NULL,
    wrapped_key bytea NOT NULL
);
ALTER TABLE ledger.guest_key OWNER TO staysync_owner;
COMMENT ON TABLE ledger.guest_key IS 'One data key per guest, wrapped by the master key. No key, no guest.';
CREATE TABLE ledger.head (
    hotel_id uuid NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    settings_version integer NOT NULL,
    CONSTRAINT head_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT head_seq_check CHECK ((seq >= 0)),
    CONSTRAINT head_settings_version_check CHECK ((settings_version >= 0))
)
WITH (fillfactor='20', autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE ledger.head OWNER TO staysync_owner;
COMMENT ON TABLE ledger.head IS 'One row per hotel: its last event. Locking it makes an append exclusive.';
CREATE TABLE ledger.hold (
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    line integer NOT NULL,
    room_type text NOT NULL,
    stay daterange NOT NULL,
    hold_until timestamp with time zone NOT NULL
);
ALTER TABLE ledger.hold OWNER TO staysync_owner;
CREATE TABLE ledger.idempotency (
    hotel_id uuid NOT NULL,
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    answer bytea NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_fingerprint_check CHECK ((length(fingerprint) = 32))
);
ALTER TABLE ledger.idempotency OWNER TO staysync_owner;
CREATE TABLE ledger.night (
    hotel_id uuid NOT NULL,
    room_type text NOT NULL,
    night date NOT NULL,
    in_service integer NOT NULL,
    allowance integer DEFAULT 0 NOT NULL,
    sold integer DEFAULT 0 NOT NULL,
    held integer DEFAULT 0 NOT NULL,
    price numeric NOT NULL,
    stop_sell boolean DEFAULT false NOT NULL,
    minimum_stay smallint DEFAULT 1 NOT NULL,
    closed_to_arrival boolean DEFAULT false NOT NULL,
    closed_to_departure boolean DEFAULT false NOT NULL,
    CONSTRAINT night_allowance_check CHECK ((allowance >= 0)),
    CONSTRAINT night_held_check CHECK ((held >= 0)),
    CONSTRAINT night_in_service_check CHECK ((in_service >= 0)),
    CONSTRAINT night_minimum_stay_check CHECK ((minimum_stay > 0)),
    CONSTRAINT night_not_oversold CHECK (((sold + held) <= (in_service + allowance))),
    CONSTRAINT night_sold_check CHECK ((sold >= 0))
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE ledger.night OWNER TO staysync_owner;
COMMENT ON TABLE ledger.night IS 'The guard of stock: one row per room type and night.';
CREATE TABLE ledger.reference (
    reference text NOT NULL,
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL
);
ALTER TABLE ledger.reference OWNER TO staysync_owner;
CREATE TABLE ledger.room_stay (
    hotel_id uuid NOT NULL,
    room text NOT NULL,
    stay daterange NOT NULL,
    booking_id uuid NOT NULL,
    line integer NOT NULL,
    CONSTRAINT room_stay_stay_check CHECK ((NOT isempty(stay)))
);
ALTER TABLE ledger.room_stay OWNER TO staysync_owner;
COMMENT ON TABLE ledger.room_stay IS 'The guard of physical rooms: no two stays of a room share a night.';
CREATE TABLE read.booking (
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    reference text NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    seq bigint NOT NULL,
    currency text NOT NULL,
    rate_plan text NOT NULL,
    guest_id uuid NOT NULL,
    booker_id uuid,
    arrival date NOT NULL,
    departure date NOT NULL,
    total numeric NOT NULL,
    channel text,
    market_segment text,
    distribution_channel text,
    agent text,
    company text,
    customer_type text,
    meal text,
    country text,
    flags text[] NOT NULL,
    hold_until timestamp with time zone,
    booked_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL
)
WITH (fillfactor='80');
ALTER TABLE read.booking OWNER TO staysync_owner;
CREATE TABLE read.booking_line (
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    line integer NOT NULL,
    room_type text NOT NULL,
    adults integer NOT NULL,
    child_ages integer[] NOT NULL,
    guest_id uuid,
    arrival date NOT NULL,
    departure date NOT NULL,
    state text NOT NULL,
    total numeric NOT NULL,
    room text
)
WITH (fillfactor='80');
ALTER TABLE read.booking_line OWNER TO staysync_owner;
CREATE TABLE read.booking_night (
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    line integer NOT NULL,
    night date NOT NULL,
    room_type text NOT NULL,
    price numeric NOT NULL,
    claim text,
    CONSTRAINT booking_night_claim_check CHECK ((claim = ANY (ARRAY['sold'::text, 'held'::text])))
);
ALTER TABLE read.booking_night OWNER TO staysync_owner;
COMMENT ON COLUMN read.booking_night.room_type IS 'The type whose stock the night claims.';
COMMENT ON COLUMN read.booking_night.claim IS 'sold or held; null where the night is free again.';
CREATE TABLE read.checkpoint (
    hotel_id uuid NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    events_applied bigint DEFAULT 0 NOT NULL,
    recorded_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    parked_seq bigint,
    parked_error text,
    parked_at timestamp with time zone,
    CONSTRAINT checkpoint_check CHECK ((parked_seq > seq)),
    CONSTRAINT checkpoint_events_applied_check CHECK ((events_applied >= 0)),
    CONSTRAINT checkpoint_parked_whole CHECK ((((parked_seq IS NULL) = (parked_error IS NULL)) AND ((parked_seq IS NULL) = (parked_at IS NULL)))),
    CONSTRAINT checkpoint_seq_check CHECK ((seq >= 0))
)
WITH (fillfactor='20', autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE read.checkpoint OWNER TO staysync_owner;
COMMENT ON TABLE read.checkpoint IS 'How far each hotel is projected, and where and why a projection is parked.';
CREATE TABLE read.guest (
    hotel_id uuid NOT NULL,
    guest_id uuid NOT NULL,
    full_name text,
    email text,
    phone text,
    language text,
    erased boolean NOT NULL
);
ALTER TABLE read.guest OWNER TO staysync_owner;
CREATE TABLE read.hotel (
    hotel_id uuid NOT NULL,
    name text NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL,
    reference_prefix text NOT NULL,
    business_day_rolls_at time without time zone NOT NULL,
    bookable_horizon_days integer NOT NULL,
    bookable_until date NOT NULL,
    version integer NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL
);
ALTER TABLE read.hotel OWNER TO staysync_owner;
CREATE TABLE read.night (
    hotel_id uuid NOT NULL,
    night date NOT NULL,
    room_type text NOT NULL,
    in_service integer NOT NULL,
    allowance integer NOT NULL,
    sold integer NOT NULL,
    held integer NOT NULL,
    price numeric NOT NULL,
    stop_sell boolean NOT NULL,
    minimum_stay smallint NOT NULL,
    closed_to_arrival boolean NOT NULL,
    closed_to_departure boolean NOT NULL
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE read.night OWNER TO staysync_owner;
COMMENT ON TABLE read.night IS 'Stock, price and restrictions; date before room type, as calendars ask.';
CREATE TABLE read.room (
    hotel_id uuid NOT NULL,
    room text NOT NULL,
    room_type text NOT NULL,
    in_service_from date NOT NULL,
    features text[] NOT NULL
);
ALTER TABLE read.room OWNER TO staysync_owner;
CREATE TABLE read.room_outage (
    hotel_id uuid NOT NULL,
    room text NOT NULL,
    first date NOT NULL,
    until date NOT NULL,
    reason_id uuid NOT NULL,
    reason text
);
ALTER TABLE read.room_outage OWNER TO staysync_owner;
COMMENT ON TABLE read.room_outage IS 'The nights [first, until) in which a room is out of order.';
COMMENT ON COLUMN read.room_outage.reason IS 'In the clear; null once the key named by reason_id is gone.';
CREATE TABLE read.room_stay (
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    line integer NOT NULL,
    first date NOT NULL,
    room text NOT NULL,
    until date NOT NULL
);
ALTER TABLE read.room_stay OWNER TO staysync_owner;
COMMENT ON TABLE read.room_stay IS 'The nights [first, until) in which a line has a room; none for a day use.';
CREATE TABLE read.room_type (
    hotel_id uuid NOT NULL,
    code text NOT NULL,
    room_type_id uuid NOT NULL,
    name text NOT NULL,
    max_adults integer NOT NULL,
    max_children integer NOT NULL,
    base_price numeric NOT NULL,
    room_count integer NOT NULL,
    inventory_version integer NOT NULL
);
ALTER TABLE read.room_type OWNER TO staysync_owner;
CREATE TABLE read.timeline (
    hotel_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    actor text,
    role text,
    facts jsonb NOT NULL
);
ALTER TABLE read.timeline OWNER TO staysync_owner;
ALTER TABLE ONLY identity.access_log
    ADD CONSTRAINT access_log_pkey PRIMARY KEY (at, entry_id);
ALTER TABLE ONLY identity.account
    ADD CONSTRAINT account_email_key UNIQUE (email);
ALTER TABLE ONLY identity.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY identity.api_key
    ADD CONSTRAINT api_key_key_hash_key UNIQUE (key_hash);
ALTER TABLE ONLY identity.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY identity.claimed_booking
    ADD CONSTRAINT claimed_booking_pkey PRIMARY KEY (account_id, hotel_id, booking_id);
ALTER TABLE ONLY identity.membership
    ADD CONSTRAINT membership_pkey PRIMARY KEY (account_id, hotel_id);
ALTER TABLE ONLY identity.one_time_token
    ADD CONSTRAINT one_time_token_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY identity.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (mail_id);
ALTER TABLE ONLY identity.refresh_token
    ADD CONSTRAINT refresh_token_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY identity.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (session_id);
ALTER TABLE ONLY ledger.event
    ADD CONSTRAINT event_hotel_id_stream_id_version_key UNIQUE (hotel_id, stream_id, version);
ALTER TABLE ONLY ledger.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (hotel_id, seq);
ALTER TABLE ONLY ledger.guest_key
    ADD CONSTRAINT guest_key_pkey PRIMARY KEY (hotel_id, guest_id);
ALTER TABLE ONLY ledger.head
    ADD CONSTRAINT head_pkey PRIMARY KEY (hotel_id);
ALTER TABLE ONLY ledger.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (hotel_id, booking_id, line);
ALTER TABLE ONLY ledger.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (hotel_id, principal, key);
ALTER TABLE ONLY ledger.night
    ADD CONSTRAINT night_pkey PRIMARY KEY (hotel_id, room_type, night);
ALTER TABLE ONLY ledger.reference
    ADD CONSTRAINT reference_pkey PRIMARY KEY (reference);
ALTER TABLE ONLY ledger.room_stay
    ADD CONSTRAINT room_stay_no_overlap PRIMARY KEY (hotel_id, room, stay WITHOUT OVERLAPS);
ALTER TABLE ONLY read.booking_line
    ADD CONSTRAINT booking_line_pkey PRIMARY KEY (hotel_id, booking_id, line);
ALTER TABLE ONLY read.booking_night
    ADD CONSTRAINT booking_night_pkey PRIMARY KEY (hotel_id, booking_id, line, night);
ALTER TABLE ONLY read.booking
    ADD CONSTRAINT booking_pkey PRIMARY KEY (hotel_id, booking_id);
ALTER TABLE ONLY read.booking
    ADD CONSTRAINT booking_reference UNIQUE (reference);
ALTER TABLE ONLY read.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (hotel_id);
ALTER TABLE ONLY read.guest
    ADD CONSTRAINT guest_pkey PRIMARY KEY (hotel_id, guest_id);
ALTER TABLE ONLY read.hotel
    ADD CONSTRAINT hotel_pkey PRIMARY KEY (hotel_id);
ALTER TABLE ONLY read.night
    ADD CONSTRAINT night_pkey PRIMARY KEY (hotel_id, night, room_type);
ALTER TABLE ONLY read.room_outage
    ADD CONSTRAINT room_outage_pkey PRIMARY KEY (hotel_id, room, first);
ALTER TABLE ONLY read.room
    ADD CONSTRAINT room_pkey PRIMARY KEY (hotel_id, room);
ALTER TABLE ONLY read.room_stay
    ADD CONSTRAINT room_stay_pkey PRIMARY KEY (hotel_id, booking_id, line, first);
ALTER TABLE ONLY read.room_type
    ADD CONSTRAINT room_type_id_unique UNIQUE (hotel_id, room_type_id);
ALTER TABLE ONLY read.room_type
    ADD CONSTRAINT room_type_pkey PRIMARY KEY (hotel_id, code);
ALTER TABLE ONLY read.timeline
    ADD CONSTRAINT timeline_pkey PRIMARY KEY (hotel_id, booking_id, seq);
CREATE INDEX access_log_account ON identity.access_log USING btree (account_id, at, entry_id) WHERE (account_id IS NOT NULL);
CREATE INDEX access_log_hotel ON identity.access_log USING btree (hotel_id, at, entry_id) WHERE (hotel_id IS NOT NULL);
CREATE INDEX account_roles_changed ON identity.account USING btree (roles_changed_at) WHERE (roles_changed_at IS NOT NULL);
CREATE INDEX api_key_account ON identity.api_key USING btree (account_id);
CREATE INDEX api_key_hotels ON identity.api_key USING gin (hotel_ids);
CREATE INDEX membership_hotel ON identity.membership USING btree (hotel_id);
CREATE INDEX one_time_token_account ON identity.one_time_token USING btree (account_id);
CREATE INDEX one_time_token_expires ON identity.one_time_token USING btree (expires_at);
CREATE INDEX outbox_account ON identity.outbox USING btree (account_id, template, created_at);
CREATE INDEX outbox_due ON identity.outbox USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);
CREATE INDEX refresh_token_session ON identity.refresh_token USING btree (session_id);
CREATE INDEX session_account ON identity.session USING btree (account_id);
CREATE INDEX session_ended ON identity.session USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX session_expires ON identity.session USING btree (expires_at);
CREATE INDEX hold_until ON ledger.hold USING btree (hold_until);
CREATE INDEX idempotency_recorded_at ON ledger.idempotency USING brin (recorded_at);
CREATE INDEX room_stay_booking ON ledger.room_stay USING btree (hotel_id, booking_id, line);
CREATE INDEX booking_arrival ON read.booking USING btree (hotel_id, arrival, booking_id);
CREATE INDEX booking_booked_at ON read.booking USING btree (hotel_id, booked_at, booking_id);
CREATE INDEX booking_booker ON read.booking USING btree (hotel_id, booker_id) WHERE (booker_id IS NOT NULL);
CREATE INDEX booking_channel ON read.booking USING btree (hotel_id, channel, arrival, booking_id);
CREATE INDEX booking_guest ON read.booking USING btree (hotel_id, guest_id);
CREATE INDEX booking_hold ON read.booking USING btree (hotel_id, hold_until) WHERE (hold_until IS NOT NULL);
CREATE INDEX booking_state ON read.booking USING btree (hotel_id, state, arrival, booking_id);
CREATE INDEX guest_email ON read.guest USING btree (lower(email));
CREATE INDEX guest_name ON read.guest USING btree (hotel_id, lower(full_name) text_pattern_ops);
CREATE INDEX hotel_city_name ON read.hotel USING btree (lower(city), name, hotel_id);
CREATE INDEX hotel_name ON read.hotel USING btree (name, hotel_id);
CREATE INDEX room_stay_until ON read.room_stay USING btree (hotel_id, until, first);
CREATE INDEX timeline_made_by_guest ON read.timeline USING btree (actor) WHERE ((role = 'guest'::text) AND (type = ANY (ARRAY['BookingHeld'::text, 'BookingMade'::text])));
CREATE TRIGGER event_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.event FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER event_is_append_only;
CREATE TRIGGER head_is_kept BEFORE DELETE OR TRUNCATE ON ledger.head FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.head ENABLE ALWAYS TRIGGER head_is_kept;
ALTER TABLE ONLY identity.api_key
    ADD CONSTRAINT api_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES identity.account(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY identity.claimed_booking
    ADD CONSTRAINT claimed_booking_account_id_fkey FOREIGN KEY (account_id) REFERENCES identity.account(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY identity.membership
    ADD CONSTRAINT membership_account_id_fkey FOREIGN KEY (account_id) REFERENCES identity.account(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY identity.one_time_token
    ADD CONSTRAINT one_time_token_account_id_fkey FOREIGN KEY (account_id) REFERENCES identity.account(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY identity.outbox
    ADD CONSTRAINT outbox_account_id_fkey FOREIGN KEY (account_id) REFERENCES identity.account(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY identity.refresh_token
    ADD CONSTRAINT refresh_token_session_id_fkey FOREIGN KEY (session_id) REFERENCES identity.session(session_id) ON DELETE CASCADE;
ALTER TABLE ONLY identity.session
    ADD CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES identity.account(account_id) ON DELETE CASCADE;
GRANT USAGE ON SCHEMA identity TO staysync_identity;
GRANT USAGE ON SCHEMA ledger TO staysync_command;
GRANT USAGE ON SCHEMA ledger TO staysync_query;
GRANT USAGE ON SCHEMA ledger TO staysync_projector;
GRANT USAGE ON SCHEMA read TO staysync_projector;
GRANT USAGE ON SCHEMA read TO staysync_query;
GRANT SELECT,INSERT ON TABLE identity.access_log TO staysync_identity;
REVOKE ALL ON FUNCTION identity.forget_access(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.forget_access(before timestamp with time zone, most integer) TO staysync_identity;
REVOKE ALL ON FUNCTION ledger.expect_count(what text, actual bigint, expected bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.expect_count(what text, actual bigint, expected bigint) TO staysync_command;
REVOKE ALL ON FUNCTION ledger.refuse_change() FROM PUBLIC;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE identity.account TO staysync_identity;
GRANT SELECT,INSERT,UPDATE ON TABLE identity.api_key TO staysync_identity;
GRANT SELECT,INSERT ON TABLE identity.claimed_booking TO staysync_identity;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE identity.membership TO staysync_identity;
GRANT SELECT,INSERT,DELETE ON TABLE identity.one_time_token TO staysync_identity;
GRANT SELECT,INSERT,UPDATE ON TABLE identity.outbox TO staysync_identity;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE identity.refresh_token TO staysync_identity;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE identity.session TO staysync_identity;
GRANT SELECT,INSERT ON TABLE ledger.event TO staysync_command;
GRANT SELECT ON TABLE ledger.event TO staysync_query;
GRANT SELECT ON TABLE ledger.event TO staysync_projector;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.guest_key TO staysync_command;
GRANT SELECT ON TABLE ledger.guest_key TO staysync_projector;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.head TO staysync_command;
GRANT SELECT ON TABLE ledger.head TO staysync_query;
GRANT SELECT ON TABLE ledger.head TO staysync_projector;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE ledger.hold TO staysync_command;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.idempotency TO staysync_command;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.night TO staysync_command;
GRANT SELECT,INSERT ON TABLE ledger.reference TO staysync_command;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.room_stay TO staysync_command;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.booking TO staysync_projector;
GRANT SELECT ON TABLE read.booking TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.booking_line TO staysync_projector;
GRANT SELECT ON TABLE read.booking_line TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.booking_night TO staysync_projector;
GRANT SELECT ON TABLE read.booking_night TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.checkpoint TO staysync_projector;
GRANT SELECT ON TABLE read.checkpoint TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.guest TO staysync_projector;
GRANT SELECT ON TABLE read.guest TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.hotel TO staysync_projector;
GRANT SELECT ON TABLE read.hotel TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.night TO staysync_projector;
GRANT SELECT ON TABLE read.night TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.room TO staysync_projector;
GRANT SELECT ON TABLE read.room TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.room_outage TO staysync_projector;
GRANT SELECT ON TABLE read.room_outage TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.room_stay TO staysync_projector;
GRANT SELECT ON TABLE read.room_stay TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.room_type TO staysync_projector;
GRANT SELECT ON TABLE read.room_type TO staysync_query;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE read.timeline TO staysync_projector;
GRANT SELECT ON TABLE read.timeline TO staysync_query;
