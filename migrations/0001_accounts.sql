-- Accounts, their repositories and their money.
-- Ids are GitHub's own; logins and names may change and are not unique. Times are UTC, bound by the
-- program (no defaults), truncated to microseconds.

create table accounts (
    id bigint primary key,
    login text not null,
    kind text not null,
    -- Null while the App is not installed.
    installation_id bigint,
    -- The newest installation known to be gone: a late or repeated delivery must not bring it back.
    removed_installation_id bigint not null,
    tier text not null,
    -- Credits. What is held is part of the balance until it is settled or given back.
    balance bigint not null check (balance >= 0),
    held bigint not null check (held >= 0 and held <= balance),
    -- When a task of this account was last claimed: the least recently served goes first.
    served_at timestamptz,
    -- Writes to GitHub for this account are made only by the holder of this lease.
    writer_lease bigint not null,
    writer_until timestamptz,
    -- GitHub asked us to wait until then.
    blocked_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table repositories (
    id bigint primary key,
    account_id bigint not null references accounts (id),
    owner text not null,
    name text not null,
    private boolean not null,
    archived boolean not null,
    default_branch text not null,
    -- GitHub's own time of change: an older payload never overwrites a newer one.
    github_updated_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index repositories_of_account on repositories (account_id);

-- What was given and taken, never changed. Positive adds to the balance, negative takes from it.
create table credit_transactions (
    id uuid primary key,
    account_id bigint not null references accounts (id),
    type text not null check (type in ('bonus', 'credit', 'debit', 'refund')),
    amount bigint not null check (amount <> 0 and (type = 'debit') = (amount < 0)),
    task_id uuid,
    reason text not null,
    created_at timestamptz not null
);

create index credit_transactions_of_account on credit_transactions (account_id, created_at);
-- The bonus is given once to an account, for ever.
create unique index one_bonus on credit_transactions (account_id) where type = 'bonus';
-- A task is paid once.
create unique index one_debit on credit_transactions (task_id) where type = 'debit';
