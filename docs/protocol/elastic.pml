/* How the workers of an elastic job commit steps and change their members (docs/design/
 * elastic.md), as a model for spin. docs/protocol/check runs it.
 *
 * What it is a model of:
 *   Trainers  each worker's thread that trains: Membership::join and report, Trainer::Impl::
 *             run, join_in, synchronise, begin_run, catch_up, take_step, finish
 *   Watchers  each worker's threads that follow generation/<n> and given_up/<n>: Membership::Impl::
 *             watch, take, check_for_aborts
 *   Launcher  Coordinator::is_coordinator, lead, decide; what it saw may be old when it writes
 *   Fates     faults, and launchers that notice: lost/<id> is set, and who is lost gets SIGKILL
 * The store is its keys: each access is atomic, generation/<n> is set by compare-and-set only.
 * Messages are rounds: in each, every member tells all others; what was sent can be read although
 * the sender has gone. A step is one round, its last: what fails before that has the same effect.
 * The update after it is at once, and so it is in effect where the workers of a host share it: whoever
 * has the round's messages completes it, with the others or from what lies in memory of the host, and
 * nobody changes what lies there before all of the host have said that they have them. That two of
 * them wait for each other in an update adds no deadlock: such a wait ends, as those of a round do, when
 * the group is aborted or broken, and the update is completed then.
 *
 * What it leaves out: time. A worker or a launcher may be slow for as long as it likes (stopped, cut
 * off); who is declared lost may be alive. A deadline (strategy.timeout) ends only the wait for a
 * worker whose thread hangs while it still sends heartbeats: any other wait that only a deadline
 * would end is a deadlock here. Left out too: workers that ask to leave; checkpoints (a run of which
 * nobody has the state starts again from its beginning); the run's folder; what decide() does after
 * more than two generations in a row without a step.
 *
 * A state is `applied`, the number of updates in the weights, and `step`, the number it goes by.
 */

#ifndef MUTATION
#define MUTATION 0 /* docs/protocol/check says what they are */
#endif
#ifndef FAULTS
#define FAULTS 1 /* of workers and between them, in all; of them at most */
#endif
#ifndef CUTS
#define CUTS 1 /*   broken connections, */
#endif
#ifndef DOUBTS
#define DOUBTS 1 /*   live workers that are declared lost; */
#endif             /*   the rest are killed, or hang */
#ifndef LAUNCHER_FAULTS
#define LAUNCHER_FAULTS 0 /* a launcher dies with its workers, or is thought to have died */
#endif
#ifndef FIRST
#define FIRST 3 /* the set of workers that start the job: 3 are 0 and 1; 2 comes at any time */
#endif
#define STEPS 2

#define WORKERS 3
#define JOINER 2
#define ALL 7
#define GENERATIONS 7
#define NOBODY 7
#define HALF 14 /* a state of which only a part has been received */
#define NONE 15 /* no state */

#define bit(i) (1 << (i))
#define has(set, i) (((set) >> (i)) & 1)
#define add(set, i) set = set | bit(i)
#define remove(set, i) set = set & (ALL - bit(i))

/* ---- the store ---- */
byte newest;                   /* generation/1 to generation/<newest> are there: */
byte members[GENERATIONS + 1]; /*   a set */
bool urgent[GENERATIONS + 1];
byte ready, lost;              /* sets of workers */
byte suspected[WORKERS];       /* suspect/<newest>/<id>: 1 + whom, 1 + NOBODY; 0: none */
byte coordinator;              /* the launcher that decides */
bool done;

/* ---- messages: how many rounds each worker has sent in the group of a generation, and in them: */
typedef Group {
  byte sent[WORKERS];
  byte told[WORKERS];          /* the step that it had come to */
  byte gave[WORKERS];          /* the updates in the state that it sent */
  byte change                  /* set: whose last control message asks for a change of the members */
};
Group groups[GENERATIONS + 1];

/* ---- workers ---- */
byte doing[WORKERS];           /* what its thread waits for: */
#define NOTHING 0              /*   not started yet, or ended */
#define JOINING 1              /*   a generation that it is in */
#define FORMING 2              /*   the addresses of all */
#define MEETING 3              /*   which step all have come to */
#define RECEIVING 4            /*   the state of another */
#define STEPPING 5             /*   a step's sums and control message; after the last step, the end's results */
#define ENDING 6               /*   the barrier */
byte dead, hung;               /* sets */
byte latest[WORKERS];          /* the newest generation that the watcher has taken note of */
byte joined[WORKERS];          /* the one that the worker takes part in, */
byte mine[WORKERS];            /*   its members as it read them */
byte fenced, wants_change;     /* sets */
byte broken;                   /* whose group cannot go on: it is aborted */
byte aborted;                  /* who has left a group that did not work */
byte has_state;
byte step[WORKERS], applied[WORKERS];
byte fenced_commits;           /* who has committed since it took note that it is fenced */

/* ---- launchers ---- */
byte dead_launchers;
byte faults = FAULTS, cuts = CUTS, doubts = DOUBTS, launcher_faults = LAUNCHER_FAULTS;
#define launcher_of(w) ((w) == 0 -> 0 : 1)

hidden byte k;
hidden byte source;

#define sent(w, j) groups[joined[w]].sent[j]
#define told(w, j) groups[joined[w]].told[j]
#define gave(w, j) groups[joined[w]].gave[j]
#define changes(w) groups[joined[w]].change
#define others(w) (mine[w] & (ALL - bit(w)))
#define heard_from(w, j) (!has(mine[w], j) || sent(w, j) >= sent(w, w))
#define all_heard(w) (heard_from(w, 0) && heard_from(w, 1) && heard_from(w, 2))
#define aborted(w) (has(broken, w) && others(w) != 0) /* alone, there is nothing to abort */
#define heard(w) (all_heard(w) && !aborted(w))
#define missing(w, j) (has(others(w), j) && sent(w, j) < sent(w, w))
#define hangs(w, j) (missing(w, j) && has(hung, j))
/* given_up/<n>/<id>: who waits for a worker that is in the next generation already is told by its
 * watcher. (Over a network its connection is closed besides: as if it were broken.) */
#if MUTATION == 7
#define left(w, j) false
#else
#define left(w, j)                             \
  (missing(w, j) && has(wants_change, w) &&    \
   (joined[j] > joined[w] || (joined[j] == joined[w] && has(aborted, j))))
#endif
#define thread(w, what) (doing[w] == what && !has(hung, w) && !done)

inline spend() {
  faults--;
  if
  :: faults == 0 -> cuts = 0; doubts = 0
  :: else
  fi
}

inline send(w) { sent(w, w)++ }

/* Sums of the next step with the control message of it; once all steps are done, what the end needs. */
inline begin_step(w) {
#if MUTATION == 1
  if
  :: step[w] < STEPS -> applied[w]++      /* too early: the step may be run again */
  :: else
  fi;
#endif
  remove(changes(w), w);
  changes(w) = changes(w) | (wants_change & bit(w));
  send(w);
  doing[w] = STEPPING
}

/* Membership::report, then join again: `about` is whom this worker found wrong. */
inline report(w, about) {
  add(aborted, w);
  if
  :: latest[w] == joined[w] && joined[w] == newest -> suspected[w] = 1 + about
  :: else
  fi;
  doing[w] = JOINING
}

/* What cannot matter any more is forgotten: so there are fewer states to search. */
#define reads(j, g) (doing[j] != NOTHING && !has(hung, j) && joined[j] <= (g))
inline tidy() {
  for (k : 1 .. GENERATIONS) {
    if
    :: k < newest && !reads(0, k) && !reads(1, k) && !reads(2, k) ->
      groups[k].sent[0] = 0; groups[k].sent[1] = 0; groups[k].sent[2] = 0;
      groups[k].told[0] = 0; groups[k].told[1] = 0; groups[k].told[2] = 0;
      groups[k].gave[0] = 0; groups[k].gave[1] = 0; groups[k].gave[2] = 0;
      groups[k].change = 0;
      members[k - 1] = 0; urgent[k - 1] = 0
    :: else
    fi
  }
  k = 0
}

/* Its thread does nothing any more, its heartbeats go on. */
inline hang(w) {
  add(hung, w);
  doing[w] = JOINING;
  step[w] = 0; applied[w] = 0; remove(has_state, w);
  latest[w] = joined[w]; mine[w] = 0;
  remove(fenced, w); remove(wants_change, w); remove(broken, w);
  remove(aborted, w); remove(fenced_commits, w);
  tidy()
}

/* The process has ended. What it had sent last may still be read. */
inline die(w) {
  add(dead, w);
  doing[w] = NOTHING;
  step[w] = 0; applied[w] = 0; remove(has_state, w);
  latest[w] = 0; joined[w] = 0; mine[w] = 0;
  remove(hung, w); remove(fenced, w); remove(wants_change, w); remove(broken, w);
  remove(aborted, w); remove(fenced_commits, w);
  tidy()
}

/* A wait for a round may end badly. */
#define LOSES(w, j)                                                                         \
  :: d_step { waits(w) && (has(others(w) & dead, j) || hangs(w, j) || left(w, j)) ->        \
              report(w, j) }                                                                \
  :: d_step { faults > 0 && cuts > 0 && waits(w) && missing(w, j) ->                         \
              cuts--; spend(); report(w, j) }
#define waits(w) (doing[w] >= MEETING && !has(hung, w) && !done)

/* While a group forms its members meet in the store, and only the deadline tells who is missing. */
#if MUTATION == 6
#define absent(j) NOBODY
#else
#define absent(j) j
#endif

/* Everybody's states are those of a run without faults. */
inline check_commit(w) {
  assert(has(has_state, w) && applied[w] == step[w]); /* (a), and (c): equal steps, equal states */
  assert(has(mine[w], w));                            /* (b) who is no member commits nothing */
  assert(members[joined[w]] == mine[w]);              /* (b) a number has one list of members */
  assert(!has(fenced & fenced_commits, w));           /* (b) at most the step that was under way */
  if
  :: has(fenced, w) -> add(fenced_commits, w)
  :: else
  fi;
  for (k : 0 .. WORKERS - 1) {                        /* (c) live members differ by a step at most */
    if
    :: has(members[newest], w) && !has(fenced, w) &&
           has(members[newest] & has_state & (ALL - dead) & (ALL - fenced), k) ->
      assert(step[k] <= step[w] + 1 && step[w] <= step[k] + 1)
    :: else
    fi
  }
  k = 0
}

/* Membership::join: the newest generation that it is in. */
#if MUTATION == 3
#define is_in(w) true
#else
#define is_in(w) has(members[latest[w]], w)
#endif
inline join(w) {
  joined[w] = latest[w];
  mine[w] = members[joined[w]];
  remove(aborted, w); remove(wants_change, w); remove(broken, w);
  for (k : 0 .. WORKERS - 1) {                        /* (b) a number has one list of members */
    assert(joined[k] != joined[w] || mine[k] == mine[w] || mine[k] == 0)
  }
  tidy();
  send(w);                                            /* its address */
  doing[w] = FORMING
}

/* All addresses are there. */
inline tell(w) {
  told(w, w) = (has(has_state, w) -> step[w] : NONE);
  send(w);
  doing[w] = MEETING
}
inline form(w) {
  if
#if MUTATION == 9
  :: latest[w] > joined[w] && urgent[latest[w]] -> add(aborted, w); doing[w] = JOINING
  :: else -> remove(broken, w); tell(w)
#else
  :: has(broken, w) -> add(aborted, w); doing[w] = JOINING
  :: else -> tell(w)
#endif
  fi
}

/* Who has come furthest, the first of them if several have. */
inline find_source(w) {
  source = NOBODY;
  for (k : 0 .. WORKERS - 1) {
    if
    :: has(mine[w], k) && told(w, k) != NONE &&
           (source == NOBODY || told(w, k) > told(w, source)) -> source = k
    :: else
    fi
  }
  k = 0
}

/* synchronise: all members have one state afterwards. */
inline meet(w) {
  find_source(w);
  gave(w, w) = applied[w];                            /* if it is the source */
  send(w);
  if
  :: source == NOBODY ->                              /* begin_run: nobody has a state */
#if MUTATION != 4
    applied[w] = 0;
#endif
    step[w] = 0;
    add(has_state, w);
    begin_step(w)
  :: source != NOBODY && told(w, w) == told(w, source) -> begin_step(w)
  :: else ->                                          /* catch_up: half a state is none */
    remove(has_state, w);
    applied[w] = HALF;
    step[w] = source;                                 /* (until it has a step: from whom) */
    doing[w] = RECEIVING
  fi;
  source = 0
}

inline receive(w) {
  applied[w] = gave(w, step[w]);
  step[w] = told(w, step[w]);
  add(has_state, w);
  begin_step(w)
}

/* The control messages of all are there, nothing can fail any more. */
inline commit(w) {
#if MUTATION != 1
  applied[w]++;
#endif
  step[w]++;
  check_commit(w);
  told(w, 0) = 0; told(w, 1) = 0; told(w, 2) = 0;     /* all have read that */
  gave(w, 0) = 0; gave(w, 1) = 0; gave(w, 2) = 0;
  if
  :: step[w] < STEPS && (changes(w) & mine[w]) != 0 -> doing[w] = JOINING
#if MUTATION != 5
  :: step[w] < STEPS && others(w) == 0 && has(broken, w) -> doing[w] = JOINING
#endif
  :: else -> begin_step(w)
  fi
}

/* Evaluation and the comparison of digests are over. */
inline finish(w) {
  assert(has(has_state, w) && applied[w] == STEPS && has(mine[w], w));
  send(w);
  doing[w] = ENDING;
  if
  :: (mine[w] & (bit(w) - 1)) == 0 -> done = true
  :: else
  fi
}

#define TRAINER(w)                                                                          \
  :: d_step { thread(w, JOINING) && has(fenced, w) -> die(w) }                              \
  :: d_step { thread(w, JOINING) && !has(fenced, w) && latest[w] > joined[w] && is_in(w) -> \
              join(w) }                                                                     \
  :: d_step { thread(w, FORMING) && (latest[w] > joined[w] || has(fenced, w)) ->            \
              add(aborted, w); doing[w] = JOINING }                                        \
  :: d_step { thread(w, FORMING) && hangs(w, 0) -> report(w, absent(0)) }                   \
  :: d_step { thread(w, FORMING) && hangs(w, 1) -> report(w, absent(1)) }                   \
  :: d_step { thread(w, FORMING) && hangs(w, 2) -> report(w, absent(2)) }                   \
  :: d_step { thread(w, FORMING) && all_heard(w) -> form(w) }                               \
  :: d_step { thread(w, MEETING) && heard(w) -> meet(w) }                                   \
  :: d_step { thread(w, RECEIVING) && !aborted(w) && heard_from(w, step[w]) ->              \
              receive(w) }                                                                  \
  :: d_step { thread(w, STEPPING) && heard(w) && step[w] < STEPS -> commit(w) }             \
  :: d_step { thread(w, STEPPING) && heard(w) && step[w] == STEPS -> finish(w) }            \
  :: d_step { waits(w) && aborted(w) -> report(w, NOBODY) }                                 \
  LOSES(w, 0)                                                                               \
  LOSES(w, 1)                                                                               \
  LOSES(w, 2)

active proctype Trainers() {
end:
  do
  TRAINER(0)
  TRAINER(1)
  TRAINER(2)
  od
}

/* Membership::Impl::take: generations one after the other. */
inline take(w) {
  latest[w]++;
#if MUTATION != 3
  if
  :: has(members[latest[w] - 1], w) && !has(members[latest[w]], w) -> add(fenced, w)
  :: else
  fi;
#endif
  if
  :: !urgent[latest[w]] && has(members[latest[w]], w) -> add(wants_change, w)
  :: else -> add(broken, w)
  fi
}

#define WATCHER(w) \
  :: d_step { latest[w] < newest && doing[w] != NOTHING && !has(hung, w) && !done -> take(w) }

active proctype Watchers() {
end:
  do
  WATCHER(0)
  WATCHER(1)
  WATCHER(2)
  od
}

/* ---- who decides ---- */

#define staying (members[newest] & (ALL - lost))
#define to_join (ready & (ALL - lost) & (ALL - members[newest]))
#define accuses(a, j) (suspected[a] == 1 + (j))
#define accused(j) (accuses(0, j) || accuses(1, j) || accuses(2, j))
#define any_suspicion (suspected[0] != 0 || suspected[1] != 0 || suspected[2] != 0)
#define must_change (staying != members[newest] || any_suspicion)
#define something_to_do ((staying | to_join) != 0 && (must_change || to_join != 0))

/* decide(), from what is in the store now. */
inline plan() {
  next = staying;
  hurry = must_change;
  number = newest + 1;
  if
  :: staying == members[newest] ->       /* nobody is known to be lost: who is suspected? */
    for (i : 0 .. WORKERS - 1) {
      if
      :: has(next, i) && accused(i) && suspected[i] == 0 -> add(gone, i)
      :: else
      fi
    };
    i = 0;
    next = next & (ALL - gone)
  :: else
  fi;
  next = next | to_join;
}

inline publish() {
#if MUTATION == 2
  if
  :: number <= newest -> members[number] = next; urgent[number] = hurry
  :: else
  fi;
#endif
  if
  :: number == newest + 1 && next != 0 ->
    assert(number <= GENERATIONS);       /* (d) faults end, and so do changes */
#if MUTATION != 8
    lost = lost | gone;
#endif
    newest = number;
    members[number] = next;
    urgent[number] = hurry;
    suspected[0] = 0; suspected[1] = 0; suspected[2] = 0
  :: else
  fi;
  number = 0; next = 0; hurry = false; gone = 0
}

proctype Launcher(byte c) {
  byte i, number, next, gone;
  bool hurry;
  {
end:
    do
    :: atomic { coordinator == c && something_to_do && launcher_faults == 0 -> plan(); publish() }
    :: atomic { coordinator == c && something_to_do && launcher_faults > 0 -> plan() };
       atomic { publish() }              /* by now it may be the coordinator no more */
    :: atomic { coordinator != c && has(dead_launchers, coordinator) -> coordinator = c }
    :: atomic { coordinator != c && launcher_faults > 0 -> launcher_faults--; coordinator = c }
    od
  } unless {
    has(dead_launchers, c) || done
  }
}

/* ---- faults, and who notices ---- */

#define may_fail(w) (faults > 0 && doing[w] != NOTHING && !done)
#define FATE(w)                                                                             \
  :: d_step { may_fail(w) -> spend(); die(w) }                                              \
  :: d_step { may_fail(w) && !has(hung, w) -> spend(); hang(w) }                            \
  :: d_step { may_fail(w) && !has(lost, w) && doubts > 0 -> doubts--; spend(); add(lost, w) } \
  :: d_step { has(dead, w) && !has(lost, w) && !done -> add(lost, w) }                      \
  :: d_step { has(lost, w) && doing[w] != NOTHING && !done &&                               \
              !has(dead_launchers, launcher_of(w)) -> die(w) }

active proctype Fates() {
  newest > 0;
end:
  do
  FATE(0)
  FATE(1)
  FATE(2)
  :: d_step { !has(ready, JOINER) && !has(dead_launchers, launcher_of(JOINER)) &&
              !done ->
              add(ready, JOINER); latest[JOINER] = newest; doing[JOINER] = JOINING }
  :: d_step { launcher_faults > 0 && !done -> launcher_faults--; add(dead_launchers, 0); die(0) }
  :: d_step { launcher_faults > 0 && !done ->
              launcher_faults--; add(dead_launchers, 1); die(1);
              if
              :: has(ready, JOINER) -> die(JOINER)
              :: else
              fi }
  od
}

/* (d) When nothing can happen any more the work is done, or nobody is left who could do it. (If all
 * who are left hang, nobody is there who could notice.) */
#define idle(w) (doing[w] == NOTHING || has(hung, w))
active proctype Outcome() {
  timeout -> assert(done || (idle(0) && idle(1) && idle(2)))
}

init {
  d_step {
    newest = 1; members[1] = FIRST; ready = FIRST;    /* as the first coordinator decides */
    for (k : 0 .. WORKERS - 1) {
      if
      :: has(FIRST, k) -> latest[k] = 1; doing[k] = JOINING
      :: else
      fi
    }
    k = 0
  };
  atomic { run Launcher(0); run Launcher(1) }
}
