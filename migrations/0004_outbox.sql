-- What is to be done and to be shown on GitHub.

-- Done exactly once; the row is there before the request.
create table acts (
    id uuid primary key,
    account_id bigint not null references accounts (id),
    repository_id bigint not null references repositories (id),
    command_id uuid not null references commands (id),
    task_id uuid references tasks (id),
    kind text not null,
    -- Required acts of a command run in this order, and its task ends with the last of them.
    position bigint not null,
    required boolean not null,
    act jsonb not null,
    -- The compressed binary patch of a push.
    patch bytea,
    state text not null check (state in ('open', 'acting', 'done', 'unknown', 'impossible', 'withdrawn')),
    -- The writer lease under which it was last tried.
    lease bigint not null,
    due_at timestamptz not null,
    attempts bigint not null,
    -- Look-ups since the last try that lost its reply.
    lookups bigint not null,
    result jsonb,
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (command_id, kind)
);

create index acts_to_do on acts (account_id, due_at) where state in ('open', 'acting', 'unknown');

-- Always showing the latest state: others raise `wanted`, the outbox renders and raises `shown`.
create table documents (
    id uuid primary key,
    account_id bigint not null references accounts (id),
    repository_id bigint not null references repositories (id),
    task_id uuid not null references tasks (id),
    kind text not null,
    -- The commit of a check run; empty for a comment.
    head_sha text not null,
    wanted bigint not null,
    shown bigint not null,
    -- GitHub's id once it exists there.
    github_id bigint,
    -- Whether a request to create it may have been sent without a reply.
    unsure boolean not null,
    dead boolean not null,
    lookups bigint not null,
    -- Not before, after an error.
    due_at timestamptz not null,
    -- Progress not before; the final state does not wait for it.
    progress_at timestamptz not null,
    attempts bigint not null,
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (task_id, kind, head_sha)
);

create index documents_to_show on documents (account_id) where wanted > shown and not dead;

create table pull_requests (
    -- GitHub's id.
    id bigint primary key,
    repository_id bigint not null references repositories (id),
    number bigint not null,
    task_id uuid references tasks (id),
    head text not null,
    base text not null,
    state text not null,
    draft boolean not null,
    url text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
