-- The models that tasks can run on, as the running program knows them: its own file with the operator's
-- over it, written at every start. Prices are in billionths of a US dollar for each token.

create table ai_models (
    id text primary key,
    provider text not null,
    api text not null,
    display_name text not null,
    aliases jsonb not null,
    input_nano_usd bigint not null,
    cached_nano_usd bigint not null,
    cache_write_nano_usd bigint not null,
    output_nano_usd bigint not null,
    -- Other prices above some sizes of the prompt.
    tiers jsonb not null,
    context_tokens bigint not null,
    max_output_tokens bigint not null,
    capabilities jsonb not null,
    fallback text,
    -- Whether it can be asked for; one that is no longer in any file cannot.
    active boolean not null,
    -- Its place in the order in which a default is looked for.
    place bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- The model that was asked in a step; null in steps from before it was noted.
alter table task_steps add column model text;
-- The model that took over from the task's own, once it has answered.
alter table tasks add column fell_back_to text;
-- The model service that a task waits for.
alter table tasks add column waits_for text;
