-- What people had said in a task's thread before it was asked for, as its model is told: pinned by the
-- first attempt, so that every other tells the same.
alter table tasks add column said jsonb;
