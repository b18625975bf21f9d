-- Whose turn it is to be served, without looking at everybody's tasks.

-- Not before then need an account's tasks be looked at; null while none of them waits or is worked on.
-- It may be too early, which costs a look; it is never too late.
alter table accounts add column look_at timestamptz;

update accounts set look_at = (
    select min(created_at) from tasks where account_id = accounts.id and phase in ('waiting', 'working')
);
-- Whoever was never served comes first.
update accounts set served_at = '1970-01-01T00:00:00+00:00' where served_at is null and look_at is not null;

create index accounts_to_look_at on accounts (served_at) where look_at is not null;

drop index tasks_waiting;
drop index tasks_working;
create index tasks_waiting on tasks (account_id, ranked_at, id, due_at) where phase = 'waiting';
create index tasks_working on tasks (account_id, lease_until) where phase = 'working';
