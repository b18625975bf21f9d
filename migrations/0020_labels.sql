-- Labels that were taken away and when, by GitHub's clock: what one asked for before is not begun, even if it
-- is heard of later.
create table unlabelled (
    -- The beginning of the keys of what the label asks for.
    key text primary key,
    taken_at timestamptz not null,
    created_at timestamptz not null
);
create index unlabelled_by_age on unlabelled (created_at);
