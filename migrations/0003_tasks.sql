-- Tasks, what they did step by step, and what is held for them.

create table tasks (
    id uuid primary key,
    command_id uuid not null unique references commands (id),
    account_id bigint not null references accounts (id),
    repository_id bigint not null references repositories (id),
    number bigint not null,
    kind text not null,
    model text not null,
    priority text not null check (priority in ('low', 'medium', 'high')),
    status text not null check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    phase text not null check (phase in ('waiting', 'working', 'publishing', 'ended')),
    -- How it ended, from the seal on.
    ended_as text,
    requester_id bigint not null,
    -- Who asked what, and where.
    brief jsonb not null,
    base_branch text not null,
    base_sha text not null,
    branch text not null,
    quote_low bigint not null,
    quote_high bigint not null,
    hold bigint not null check (hold > 0),
    charged bigint,
    -- Grows with every claim; a write that carries an old one changes nothing.
    lease bigint not null,
    lease_until timestamptz,
    due_at timestamptz not null,
    -- Creation, earlier by ten minutes for each level of priority: whoever waits moves up by itself.
    ranked_at timestamptz not null,
    attempts bigint not null,
    active_ms bigint not null,
    cancel_requested_at timestamptz,
    steps bigint not null,
    input_tokens bigint not null,
    cached_tokens bigint not null,
    cache_write_tokens bigint not null,
    output_tokens bigint not null,
    -- Model cost in billionths of a US dollar.
    cost_nano_usd bigint not null,
    outcome jsonb not null,
    started_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index tasks_waiting on tasks (account_id, ranked_at) where phase = 'waiting';
create index tasks_working on tasks (account_id) where phase = 'working';
create index tasks_on_branch on tasks (repository_id, branch) where phase in ('working', 'publishing');
create index tasks_of_thread on tasks (repository_id, number);
-- What tasks like a new one cost lately.
create index tasks_finished on tasks (kind, model, ended_at) where status = 'completed';

create table task_steps (
    task_id uuid not null references tasks (id),
    step bigint not null,
    lease bigint not null,
    state text not null check (state in ('calling', 'replied', 'done')),
    -- The most that the call could cost, stored before it is made.
    at_most_nano_usd bigint not null,
    -- The model's reply and the tools' results, verbatim.
    reply jsonb,
    results jsonb,
    input_tokens bigint not null,
    cached_tokens bigint not null,
    cache_write_tokens bigint not null,
    output_tokens bigint not null,
    cost_nano_usd bigint not null,
    -- The workspace's whole change so far, only where it changed.
    patch bytea,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (task_id, step)
);

-- Progress, for the renderer and for live pages.
create table task_events (
    task_id uuid not null references tasks (id),
    seq bigint not null,
    kind text not null,
    payload jsonb not null,
    created_at timestamptz not null,
    primary key (task_id, seq)
);

create table task_results (
    id uuid primary key,
    task_id uuid not null references tasks (id),
    type text not null check (type in ('code_changes', 'documentation', 'analysis', 'pr_created')),
    payload jsonb not null,
    created_at timestamptz not null,
    unique (task_id, type)
);

-- Open until it is settled (charged > 0) or given back (charged = 0), exactly once.
create table credit_holds (
    id uuid primary key,
    account_id bigint not null references accounts (id),
    task_id uuid not null unique references tasks (id),
    amount bigint not null check (amount > 0),
    charged bigint check (charged >= 0 and charged <= amount),
    resolved_at timestamptz,
    created_at timestamptz not null
);

create index credit_holds_of_day on credit_holds (account_id, created_at);
