"""The schema's history. Append; never edit an entry that has shipped."""

APPLICATION_ID = 0x466F7267  # "Forg", in the file's header: tells our file from any other SQLite file

MIGRATIONS: tuple[str, ...] = (
    """
    create table runs (
        id text primary key,
        spec text not null,
        status text not null,
        attempt integer not null default 1,
        turn integer not null,                     -- order of asking, whatever the clock does
        slot text not null default 'default',      -- one run at a time per slot
        share real not null default 0,             -- in [0, 1]
        stage text not null default '',
        note text not null default '',
        seconds_left real,
        cancel_requested integer not null default 0,
        created_at text not null,
        started_at text,
        finished_at text,
        supervisor_pid integer,
        supervisor_started real,
        worker_pid integer,
        worker_started real,
        device text not null default '',
        error text not null default '',
        seconds text not null default '{}',        -- JSON: stage -> seconds
        speedup real
    );
    create index runs_by_status on runs (status, turn);
    create table measurements (
        run_id text not null references runs (id),
        metric text not null,
        model text not null,
        value real,
        reason text not null default '',
        primary key (run_id, metric, model)
    );
    create table artifacts (
        run_id text not null references runs (id),
        name text not null,
        file text not null,
        primary key (run_id, name)
    );
    """,
    """
    create table kept (
        key text primary key,
        kind text not null,
        file text not null,
        seconds real not null,
        created_at text not null
    );
    create table revision (value integer not null);
    insert into revision values (0);
    """,
    """
    create index runs_by_turn on runs (turn);  -- a study queues many at once, each after the last
    create table studies (
        id text primary key,
        title text not null,
        plan text not null,                        -- JSON
        created_at text not null
    );
    create table study_runs (
        study_id text not null references studies (id),
        run_id text not null references runs (id),
        variant integer not null,                  -- index in the plan's variants
        primary key (study_id, run_id)
    );
    create index study_runs_by_run on study_runs (run_id);
    """,
    """
    alter table study_runs add column stands_in integer not null default 0;  -- done by older code; shown until its successor is
    alter table studies add column cancelled integer not null default 0;     -- waits for none of its runs
    """,
    """
    alter table runs add column alone integer not null default 0;  -- somebody asked for this very run, not only for a study of it
    alter table runs add column served integer;                    -- order of beginning, whatever the clock does
    alter table runs add column limit_seconds real;                -- it is stopped after so long; null: never
    alter table runs add column oom_kills integer;                 -- how often this machine had run out of memory when it began
    update runs set alone = 1 where id not in (select run_id from study_runs);
    create index runs_by_served on runs (served);
    create table companions (
        run_id text not null,                      -- who asked for the run also asked
        companion text not null,                   -- for this one, which is for nothing without it (its second reference, say)
        primary key (run_id, companion)
    );
    create index companions_by_companion on companions (companion);
    create table trash (
        id text primary key,                       -- of a run or a study
        title text not null,
        deleted_at text not null,
        content text not null,                     -- JSON: table -> its rows, so that they can be put back
        files text not null                        -- JSON: files of Artifacts that they name
    );
    """,
    """
    -- The list of runs is asked for by these; a spec that is no JSON has none of them (see `reading.of_spec`).
    create index runs_by_dataset on runs (case when json_valid(spec) then json_extract(spec, '$.dataset') end, turn);
    create index runs_by_model on runs (case when json_valid(spec) then json_extract(spec, '$.model') end, turn);
    create index runs_by_method on runs (case when json_valid(spec) then json_extract(spec, '$.method') end, turn);
    create index runs_by_kind on runs (case when json_valid(spec) then json_extract(spec, '$.request.kind') end, turn);
    create index runs_by_seed on runs (
        case when json_valid(spec) then json_extract(spec, '$.seed') end,
        case when json_valid(spec) then json_extract(spec, '$.method') end);  -- what stands beside a run: see `beside`
    -- Grows when a finished run comes, goes or changes, and not with progress: what is read of finished runs is cached under it.
    create table finished_revision (value integer not null);
    insert into finished_revision values (0);
    create trigger finished_came after insert on runs when new.status = 'done'
        begin update finished_revision set value = value + 1; end;
    create trigger finished_went after delete on runs when old.status = 'done'
        begin update finished_revision set value = value + 1; end;
    create trigger finished_changed after update on runs when old.status = 'done' or new.status = 'done'
        begin update finished_revision set value = value + 1; end;
    """,
    """
    -- What a finished run was before it was asked for anew (a file of it is gone): it stands until the new attempt is done.
    create table stands (
        run_id text primary key,
        started_at text,
        finished_at text,
        seconds text,
        speedup real,
        device text
    );
    alter table runs add column anew text not null default '';  -- how that attempt ended where it is not done; '' else
    """,
    """
    create table jobs (
        id text primary key,
        kind text not null,                        -- 'analysis' or 'import': one of a kind at a time
        payload text not null,                     -- JSON: what to compute
        status text not null,
        attempt integer not null default 1,
        turn integer not null,                     -- order of asking
        share real not null default 0,             -- in [0, 1]; what follows is as in `runs`
        stage text not null default '',
        note text not null default '',
        seconds_left real,
        cancel_requested integer not null default 0,
        created_at text not null,
        started_at text,
        finished_at text,
        supervisor_pid integer,
        supervisor_started real,
        worker_pid integer,
        worker_started real,
        oom_kills integer,
        error text not null default '',
        crashes integer not null default 0,        -- how often its process ended without a word since it was asked for
        outcome text not null default 'null'       -- JSON: what came of it, where that lies nowhere else
    );
    create index jobs_by_status on jobs (status, kind, turn);
    """,
    """
    -- `nomus` was measured by the attack on standardised losses; from here on it is the publication's, by the attack on losses as they are.
    update measurements set metric = 'nomus_standardised' where metric = 'nomus';
    update trash set content = replace(content, '"metric": "nomus"', '"metric": "nomus_standardised"')
        where content like '%"metric": "nomus"%';
    """,
    """
    alter table runs add column evaluation text not null default '';  -- JSON: what it leaves out, see core.domain.evaluation
    """,
    """
    alter table runs add column threads integer;                -- with which it computed on a CPU
    alter table runs add column peak_bytes integer;             -- of memory, that its process had at once
    alter table runs add column forecast text not null default '';  -- JSON: what it was likely to take, as it began
    """,
    """
    alter table stands add column evaluation text not null default '';
    alter table stands add column forecast text not null default '';
    """,
    """
    alter table runs add column label text not null default '';    -- the name that a person gave it
    alter table runs add column tags text not null default '[]';   -- JSON: a list of words, likewise
    alter table runs add column remark text not null default '';   -- likewise; `note` is what its progress says
    """,
    """
    alter table runs add column imported text not null default '';     -- JSON: the bundle that it came in, see record_types.Imported
    alter table studies add column imported text not null default '';  -- likewise; '' where it was computed, or asked for, here
    create index runs_by_import on runs (turn) where imported != '';
    """,
    """
    create table decks (
        id text primary key,
        title text not null,
        created_at text not null
    );
    create table slides (
        id text primary key,
        deck text not null,
        place integer not null,                    -- order within the deck
        content text not null                      -- JSON: see core.storage.audience.decks.Slide
    );
    create index slides_by_deck on slides (deck, place);
    """,
    """
    create table guess_pools (                     -- what a class guessed of a run; see core.storage.audience.guesses
        code text not null,                        -- of the class
        run_id text not null,
        round text not null,                       -- another one where it was begun anew
        guesses integer not null,
        changed_at text not null,
        primary key (code, run_id)
    );
    create table guess_counts (
        code text not null,
        run_id text not null,
        quantity text not null,                    -- a metric, `class:3`, `verdict`
        bin integer not null,
        count integer not null,
        primary key (code, run_id, quantity, bin)
    );
    """,
    """
    create table duels (
        code text primary key,
        version integer not null,                  -- grows with each change: who changes it says which one he saw
        content text not null,                     -- JSON: see core.domain.duel.Duel
        created_at text not null
    );
    """,
    """
    -- Grows when another run may be next in the queue, and not with progress: who claims runs keeps its order as long as this stands.
    create table queue_revision (value integer not null);
    insert into queue_revision values (0);
    create trigger queue_came after insert on runs when new.status = 'queued'
        begin update queue_revision set value = value + 1; end;
    create trigger queue_went after delete on runs begin update queue_revision set value = value + 1; end;
    create trigger queue_changed after update of id, spec, status, attempt, turn, alone on runs
        when 'queued' in (old.status, new.status) or new.status in ('failed', 'cancelled', 'interrupted')
        begin update queue_revision set value = value + 1; end;
    create trigger queue_companion_came after insert on companions begin update queue_revision set value = value + 1; end;
    create trigger queue_companion_went after delete on companions begin update queue_revision set value = value + 1; end;
    create trigger queue_study_run_came after insert on study_runs begin update queue_revision set value = value + 1; end;
    create trigger queue_study_run_went after delete on study_runs begin update queue_revision set value = value + 1; end;
    create trigger queue_study_run_changed after update on study_runs begin update queue_revision set value = value + 1; end;
    create trigger queue_study_changed after update of id, cancelled on studies begin update queue_revision set value = value + 1; end;
    create trigger queue_study_went after delete on studies begin update queue_revision set value = value + 1; end;
    """,
    """
    alter table runs add column node text not null default '';    -- of a cluster, on which it is computed or was; '' for this machine
    alter table runs add column lost integer not null default 0;  -- nodes that were lost while they computed it
    """,
    """
    -- Whose it is, where a login is on: an e-mail address; '' for what the machine itself, or nobody in particular, made.
    alter table runs add column owner text not null default '';
    alter table runs add column askers text not null default '[]';  -- JSON: who asked for this run by itself and has not given it up
    alter table studies add column owner text not null default '';
    alter table jobs add column owner text not null default '';
    alter table decks add column owner text not null default '';
    alter table trash add column owner text not null default '';     -- who deleted it
    create index runs_by_owner on runs (owner, turn) where owner != '';
    """,
    "create index kept_by_kind on kept (kind)",  # each run forgets what older code kept of some dozen kinds
)
