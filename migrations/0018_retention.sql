-- What is still to be forgotten, so that nothing is looked at again that was forgotten before.

drop index deliveries_old;
create index deliveries_to_forget on deliveries (received_at) where state <> 'pending' and length(body) > 0;

-- Whether the transcript and the patches of a task that has ended are gone.
alter table tasks add column forgotten boolean not null default false;
create index tasks_to_forget on tasks (ended_at, id) where ended_at is not null and not forgotten;

create index task_events_old on task_events (created_at);
