-- What is done regularly, by whichever process comes first.
create table schedules (
    name text primary key,
    due_at timestamptz not null,
    last_success_at timestamptz,
    error text,
    updated_at timestamptz not null
);

-- For retention: what is old.
create index deliveries_old on deliveries (received_at) where state <> 'pending';
