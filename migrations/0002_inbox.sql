-- What GitHub told us, and what people asked for.

create table deliveries (
    id uuid primary key,
    -- `X-GitHub-Delivery`; a redelivery carries the same one.
    guid text not null unique,
    event text not null,
    body bytea not null,
    state text not null check (state in ('pending', 'processed', 'ignored', 'failed')),
    reason text,
    failures bigint not null,
    received_at timestamptz not null,
    processed_at timestamptz
);

create index deliveries_pending on deliveries (id) where state = 'pending';

create table commands (
    id uuid primary key,
    -- What was asked, wherever and however often it is delivered: unique for ever.
    key text unique,
    account_id bigint not null references accounts (id),
    repository_id bigint not null references repositories (id),
    number bigint not null,
    sender_id bigint not null,
    sender_login text not null,
    -- The command or the mistakes, and the thread as the signed payload showed it.
    asked jsonb not null,
    state text not null check (state in ('pending', 'answered', 'refused', 'admitted')),
    refusal text,
    lease bigint not null,
    lease_until timestamptz,
    due_at timestamptz not null,
    attempts bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index commands_pending on commands (due_at) where state = 'pending';
create index commands_refused on commands (repository_id, number, sender_id) where state = 'refused';
