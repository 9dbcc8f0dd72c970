/* The protocol of the pool (csrc/runtime: slots.c, parallel.c and pool.c), for spin.
 *
 * Checked in every interleaving:
 *   - every chunk is run exactly once, and the caller sees its result;
 *   - no helper touches a region that no longer exists;
 *   - no caller, worker or shutdown waits forever (no invalid end state);
 *   - no shutdown waits for a running chunk;
 *   - no lost wake-up: once a caller has checked for sleepers, its offer is never
 *     open while all workers sleep;
 *   - no region loses its offer while it has room and chunks left;
 *   - FOREIGN: if each chunk waits for all others, as many helpers come as the region takes (one
 *     for each chunk but one), whether or not its caller has woken a worker;
 *   - no stale offer: one without room has been or will be withdrawn, because
 *     workers that see it could neither join nor sleep.
 *
 * Promela's memory is sequentially consistent. The effect of a weaker order is
 * modelled by swapping the two accesses. Each mutation below drops one fence or
 * one second check, and each must fail.
 *
 * Sizes: at most WORKERS workers; CALLERS callers, each with REGIONS regions one
 * after another, of CHUNKS chunks, that take HELPERS helpers; SLOTS slots; STOP
 * shutdowns of the pool. SPURIOUS: sleepers may wake without cause (deadlocks are
 * not checked then).
 *
 * Each atomic or d_step block has one access to shared memory (more only where no
 * other process can tell), followed by private steps of its process. A
 * compare-and-swap loop counts as one access: at that moment it fails or succeeds
 * on the value it read. */

#ifndef MUTATION
#define MUTATION 0
#endif

/* [offer-park], [wake-sleep] */
#define OFFER_AFTER_LOOK     1 /* caller: no fence between the offer and the check for sleepers */
#define SLEEPER_AFTER_LOOK   2 /* worker: no fence between counting itself asleep and checking work_mask */
#define NO_SECOND_LOOK       3 /* worker: sleeps without the second check */
#define SAME_EPOCH           4 /* the wake-up does not change the word slept on */
/* [join-retire] */
#define JOIN_CLOSED          5 /* a worker joins although OPEN is clear */
#define COUNT_BEFORE_CLOSE   6 /* the caller counts helpers, then clears OPEN */
/* [publish-join] */
#define OPEN_BEFORE_REGION   7 /* no release: the region is written after OPEN */
#define OPEN_BEFORE_OFFER    8 /* the slot opens before its bit is set */
/* [leave-return], [leave-sleep] */
#define LEAVE_BEFORE_RESULT  9 /* no release: the result is written after leaving */
#define NO_LAST_WAKE        10 /* the last helper does not wake the caller */
#define WAIT_UNSEEN         11 /* the caller sleeps without comparing the word */
/* claims and work_mask */
#define CLAIM_IN_TWO        12 /* a claim reads and writes the counter separately */
#define WITHDRAW_OUTSIDE    13 /* a helper withdraws the offer after it has left */
/* [stop-park]; with STOP */
#define STOP_SAME_EPOCH     14 /* shutdown does not change the word slept on */
#define STOP_UNSEEN         15 /* a worker sleeps without checking stop */
/* [close-join]; with STOP */
#define STOP_JOINED         16 /* a worker joins without checking closed */
#define STOP_BEFORE_CLOSE   17 /* shutdown checks for helpers, then closes the pool */
/* [give-back]; with STOP */
#define STOP_STALE_OFFER    18 /* the caller does not clear its bit again after it has closed the slot */
#define FOREIGN_STOP_PLACE  19 /* a worker that finds the pool closed does not give its place back */
/* [look-away]; with FOREIGN */
#define FOREIGN_LOOK_FIRST  20 /* a worker that goes to sleep checks for offers, then stops looking */
#define FOREIGN_LOOK_ONCE   21 /* ... or does not check for offers again */
#define FOREIGN_JOIN_ONLY   22 /* a worker that enters a region does not check for other offers */
#define FOREIGN_STOP_ALONE  23 /* shutdown does not replace the watch */

#define NOBODY 7
#define BIT(s) (1 << (s))
#define WITHOUT(s) (255 - (1 << (s)))

/* A slot's word, and whose region it is. */
bool reserved[SLOTS], is_open[SLOTS], waited[SLOTS];
byte room[SLOTS], helpers[SLOTS];
byte region_of[SLOTS];

/* The word work_mask: the bits, and above them the number of callers in regions. */
byte work_mask;
#if STOP
byte callers;
bool closed, stop, locked;
#else
#define stop false
#endif

byte sleepers, workers;
#if FOREIGN
byte looking;
#endif
bool exists[WORKERS];
bool fresh[WORKERS]; /* the epoch is still what this worker read; replaces the number */

/* Futexes: the sleepers on the epoch and on each slot's word. */
bool parked[WORKERS], waits[SLOTS];

/* The data on each caller's stack. */
bool alive[CALLERS];
byte next[CALLERS];
byte results[CALLERS * CHUNKS]; /* how often each chunk was run */

/* Only for the properties. */
bool looked[SLOTS]; /* the caller has checked for sleepers after its offer */
bool filled[SLOTS]; /* the last place was taken, and the offer withdrawn after that */
byte waking;        /* wake-ups under way */

#if WORKERS == 1
#define EACH_WORKER(F) F(0)
#define PARKED (parked[0])
#elif WORKERS == 2
#define EACH_WORKER(F) F(0) F(1)
#define PARKED (parked[0] + parked[1])
#else
#define EACH_WORKER(F) F(0) F(1) F(2)
#define PARKED (parked[0] + parked[1] + parked[2])
#endif
#define STALE(w) fresh[w] = false;
#define UNPARK(w) parked[w] = false;
#define UNPARK_ONE(w) :: count > 0 && parked[w] -> parked[w] = false; count--

#if SLOTS == 1
#define HELPERS_INSIDE (helpers[0])
#else
#define HELPERS_INSIDE (helpers[0] + helpers[1])
#endif

#define NOT_LOST(s) (!(work_mask & BIT(s)) || !looked[s] || room[s] == 0)

#if SLOTS == 1
#define OFFERED ((work_mask & 1) && room[0] > 0)
#else
#define OFFERED (((work_mask & 1) && room[0] > 0) || ((work_mask & 2) && room[1] > 0))
#endif

/* In the same step as any access that could make it false. */
inline assert_no_lost_wakeup()
{
    if
    :: workers > 0 && waking == 0 && PARKED == workers ->
        assert(NOT_LOST(0));
#if SLOTS > 1
        assert(NOT_LOST(1))
#endif
    :: else
    fi
}

/* Withdraws the offer in slot s; asserts that there is a reason to. */
inline withdraw(s)
{
    assert(!is_open[s] || room[s] == 0 || next[region_of[s]] == CHUNKS);
    work_mask = work_mask & WITHOUT(s)
}

#define WANTS(s) (is_open[s] && room[s] > 0)

inline settle_offer(s)
{
    offers = WANTS(s);
    do
    :: d_step {
            if
            :: offers -> work_mask = work_mask | BIT(s)
            :: else -> work_mask = work_mask & WITHOUT(s)
            fi
        };
        atomic {
            if
            :: offers == WANTS(s) -> offers = false; break
            :: else -> offers = WANTS(s)
            fi
        }
    od
}

inline start_worker()
{
    count = 0;
    do
    :: exists[count] -> count++
    :: else -> break
    od;
    workers++;
#if FOREIGN
    looking++;
#endif
    exists[count] = true;
    run worker(count);
    count = 0
}

/* gk_pool_wake: wakes n sleepers, or starts a worker. */
inline pool_wake(n)
{
    if
    :: d_step { sleepers > 0 -> waking++; count = (n < sleepers -> n : sleepers) };
#if MUTATION != SAME_EPOCH
        d_step { EACH_WORKER(STALE) skip };
#endif
        atomic {
            do
            EACH_WORKER(UNPARK_ONE)
            :: else -> break
            od;
            count = 0;
            waking--
        }
#if STOP
    :: atomic { sleepers == 0 && workers < WORKERS && !locked -> locked = true };
        atomic {
            if
            :: workers < WORKERS && !stop -> start_worker()
            :: else
            fi
        };
        locked = false
#else
    :: atomic { sleepers == 0 && workers < WORKERS -> start_worker() }
#endif
    :: sleepers == 0 /* there are enough, another thread starts one, or none can be started */
    fi
}

#if FOREIGN
inline ensure_watch()
{
    if
    :: looking > 0
    :: else ->
        if
        :: d_step { sleepers > 0 -> waking++; count = 1 };
            d_step { EACH_WORKER(STALE) skip };
            atomic {
                do
                EACH_WORKER(UNPARK_ONE)
                :: else -> break
                od;
                count = 0;
                waking--
            }
        :: else ->
            if
            :: workers < HELPERS ->
#if STOP
                atomic { !locked -> locked = true };
#endif
                atomic {
                    if
                    :: looking == 0 && workers < HELPERS -> start_worker()
                    :: else
                    fi
                };
#if STOP
                locked = false
#endif
            :: else
            fi
        fi
    fi
}
#endif

/* work() of parallel.c: claims and runs chunks of caller c's region, in slot s.
 * alone: the caller is working. late: results become visible only after leave
 * (a mutation). */
inline work(c, s, alone, late)
{
    do
    :: atomic {
            assert(alive[c]);
            chunk = next[c];
            if
            :: chunk == CHUNKS -> chunk = 0; break
            :: else
            fi;
#if MUTATION != CLAIM_IN_TWO
            next[c]++
#endif
        };
#if MUTATION == CLAIM_IN_TWO
        next[c] = chunk + 1;
#endif
#if FOREIGN
        if
        :: s != NOBODY -> next[c] == CHUNKS
        :: else
        fi;
#endif
#if MUTATION != WITHDRAW_OUTSIDE
        if
        :: chunk == CHUNKS - 1 && s != NOBODY -> d_step { withdraw(s) }
        :: else
        fi;
#endif
        atomic {
            assert(alive[c] && (s == NOBODY || alone || !stop));
            if
            :: late && unseen == NOBODY -> unseen = chunk
            :: else -> results[c * CHUNKS + chunk]++; assert(results[c * CHUNKS + chunk] == 1)
            fi
        }
    od
}

proctype worker(byte me)
{
    byte offered, slot, caller, chunk, count;
    bool woken = true, last, offers;
    byte unseen = NOBODY;
#if FOREIGN
    bool looks = true;
#endif
idle: /* looks for an offer, spins, and gives up spinning at any time */
#if FOREIGN
    atomic {
        if
        :: !looks && !stop -> looking++; looks = true
        :: else
        fi
    };
#endif
    if
    :: atomic { stop -> exists[me] = false; goto done }
    :: atomic { !stop && work_mask != 0 -> offered = work_mask }
    :: atomic { !stop -> woken = true; goto park }
    fi;
join: /* the bits as the worker read them */
    atomic {
        slot = ((offered & 1) -> 0 : 1);
        if
        :: offered == 3 -> slot = 1
        :: true
        fi;
        offered = offered & WITHOUT(slot);
        if
#if MUTATION == JOIN_CLOSED
        :: room[slot] > 0 ->
#else
        :: is_open[slot] && room[slot] > 0 ->
#endif
            helpers[slot]++;
            room[slot]--;
            last = room[slot] == 0;
            offered = 0;
            caller = region_of[slot];
            assert(caller != NOBODY && alive[caller])
        :: else ->
            slot = 0;
            if
            :: offered == 0 -> goto idle
            :: else -> goto join
            fi
        fi
    };
    if
    :: last -> settle_offer(slot); atomic { last = false; filled[slot] = true }
    :: else
    fi;
#if STOP
    if
    :: closed && MUTATION != STOP_JOINED ->
#if MUTATION == FOREIGN_STOP_PLACE
        goto leave;
#endif
        /* gk_give_back */
        room[slot]++;
        settle_offer(slot);
        goto leave
    :: else
    fi;
#endif
#if FOREIGN
    /* look_away */
    looks = false;
    atomic { looking--; last = looking == 0 };
    if
    :: last && OFFERED && MUTATION != FOREIGN_JOIN_ONLY -> ensure_watch()
    :: else
    fi;
    last = false;
#endif
    /* help */
    if
    :: woken && (work_mask & BIT(slot)) -> pool_wake(3)
    :: else
    fi;
    woken = false;
    work(caller, slot, false, MUTATION == LEAVE_BEFORE_RESULT);
leave: /* gk_leave; `last`: wake the caller */
    atomic {
        assert(alive[caller]);
        helpers[slot]--;
        last = helpers[slot] == 0 && waited[slot]
    };
#if MUTATION == LEAVE_BEFORE_RESULT
    atomic {
        if
        :: unseen != NOBODY -> results[caller * CHUNKS + unseen]++; unseen = NOBODY
        :: else
        fi
    };
#endif
#if MUTATION == WITHDRAW_OUTSIDE
    d_step { withdraw(slot) };
#endif
    if
    :: last && MUTATION != NO_LAST_WAKE -> waits[slot] = false
    :: else
    fi;
    atomic { last = false; slot = 0; caller = 0; goto idle };

park:
    fresh[me] = true; /* reads the epoch */
#if MUTATION == SLEEPER_AFTER_LOOK
    if
    :: work_mask != 0 || stop -> goto awake
    :: else
    fi;
#endif
    sleepers++;
#if MUTATION != SLEEPER_AFTER_LOOK && MUTATION != NO_SECOND_LOOK
    if
    :: work_mask != 0 -> goto up
    :: else
    fi;
#endif
#if STOP && MUTATION != STOP_UNSEEN && MUTATION != SLEEPER_AFTER_LOOK
    if
    :: stop -> goto up
    :: else
    fi;
#endif
#if FOREIGN
    /* keep_watch, if this is the last that looks; it may see a stuck region at any time */
    if
    :: looking == 1 ->
        if
        :: OFFERED -> goto up
        :: !fresh[me] -> goto up
        :: true
        fi
    :: true
    fi;
#if MUTATION == FOREIGN_LOOK_FIRST
    if
    :: OFFERED -> goto up
    :: else
    fi;
#endif
    atomic { looking--; looks = false };
#if MUTATION != FOREIGN_LOOK_FIRST && MUTATION != FOREIGN_LOOK_ONCE
    if
    :: OFFERED -> goto up
    :: else
    fi;
#endif
#endif
    /* gk_wait: comparing and falling asleep are one step */
    atomic {
        if
        :: fresh[me] -> fresh[me] = false; parked[me] = true; assert_no_lost_wakeup()
        :: else
        fi
    };
end_asleep: /* a valid end state */
#ifdef SPURIOUS
    parked[me] = false;
#else
    !parked[me];
#endif
up:
    sleepers--;
awake:
    atomic { fresh[me] = false; goto idle };
done:
    skip
}

proctype user(byte me)
{
    byte region, slot, left, chunk, count;
#if MUTATION == OFFER_AFTER_LOOK
    bool nobody_sleeps;
#endif
    byte unseen = NOBODY;
    do
    :: atomic { region == REGIONS -> break }
    :: else ->
        /* publish: in any free slot */
        atomic {
            region++;
            alive[me] = true;
            next[me] = 0;
            if
            :: !reserved[0] -> slot = 0
#if SLOTS > 1
            :: !reserved[1] -> slot = 1
#endif
            :: else -> slot = NOBODY
            fi;
            if
            :: slot != NOBODY ->
                reserved[slot] = true;
#if MUTATION != OPEN_BEFORE_OFFER
                room[slot] = HELPERS;
#endif
#if MUTATION != OPEN_BEFORE_REGION
                region_of[slot] = me
#endif
            :: else
            fi
        };
        if
        :: slot != NOBODY ->
#if MUTATION == OFFER_AFTER_LOOK
            nobody_sleeps = sleepers == 0;
#endif
#if MUTATION == OPEN_BEFORE_OFFER
            d_step { is_open[slot] = true; room[slot] = HELPERS };
#endif
            d_step {
                work_mask = work_mask | BIT(slot);
                assert(!filled[slot]);
#if STOP
                callers++
#endif
            };
#if MUTATION != OPEN_BEFORE_OFFER
            is_open[slot] = true;
#endif
#if MUTATION == OPEN_BEFORE_REGION
            region_of[slot] = me;
#endif
            /* Wakes a worker if the region is worth it. */
            if
            :: true
#if MUTATION == OFFER_AFTER_LOOK
            :: nobody_sleeps -> atomic { looked[slot] = true; assert_no_lost_wakeup() }
#else
            :: true ->
                pool_wake(1);
                atomic { looked[slot] = true; assert_no_lost_wakeup() }
#endif
            fi;
#if FOREIGN
            ensure_watch()
#endif
        :: else
        fi;
        work(me, slot, true, false);
        if
        :: slot != NOBODY ->
            /* retire */
            d_step {
                work_mask = work_mask & WITHOUT(slot);
                looked[slot] = false;
#if STOP
                callers--
#endif
            };
#if MUTATION == COUNT_BEFORE_CLOSE
            left = helpers[slot];
            is_open[slot] = false;
#else
            d_step { is_open[slot] = false; left = helpers[slot] };
#endif
#if STOP && MUTATION != STOP_STALE_OFFER
            d_step { withdraw(slot) }; /* again, after a place was given back */
#endif
            /* wait_for_helpers */
            do
            :: left == 0 -> break
            :: else ->
                atomic {
                    waited[slot] = true;
                    left = helpers[slot];
                    if
                    :: left == 0 -> break
                    :: else
                    fi
                };
                atomic {
                    if
                    :: helpers[slot] == left || MUTATION == WAIT_UNSEEN -> waits[slot] = true
                    :: else
                    fi
                };
#ifdef SPURIOUS
                waits[slot] = false
#else
                !waits[slot]
#endif
            od;
            /* The slot is free. */
            atomic {
                assert(!(work_mask & BIT(slot)));
                filled[slot] = false;
                region_of[slot] = NOBODY;
                reserved[slot] = false;
                is_open[slot] = false;
                waited[slot] = false;
                room[slot] = 0;
                helpers[slot] = 0
            }
        :: else
        fi;
        /* return */
        atomic {
            for (chunk : 0 .. CHUNKS - 1) {
                assert(results[me * CHUNKS + chunk] == 1);
                results[me * CHUNKS + chunk] = 0
            }
            chunk = 0;
            alive[me] = false;
            slot = 0;
            left = 0
        }
    od
}

#if STOP
/* gk_pool_stop */
proctype stopper()
{
    byte times, w;
    bool idle;
#if FOREIGN
    byte count;
#endif
    do
    :: times == STOP -> break
    :: else ->
        atomic { !locked -> locked = true; times++ };
        if
        :: callers == 0 -> /* stop_idle_workers */
#if MUTATION == STOP_BEFORE_CLOSE
            d_step { idle = callers == 0 && HELPERS_INSIDE == 0 };
            closed = true;
#else
            closed = true;
            idle = callers == 0;
            d_step { idle = idle && HELPERS_INSIDE == 0 };
#endif
            if
            :: !idle -> goto busy
            :: else
            fi;
            stop = true;
#if MUTATION != STOP_SAME_EPOCH
            d_step { EACH_WORKER(STALE) skip };
#endif
            d_step { EACH_WORKER(UNPARK) skip };
            do
            :: w == WORKERS -> w = 0; break
            :: w < WORKERS && !exists[w] -> w++
            od;
#if FOREIGN
            looking = 0;
#endif
            atomic { workers = 0; stop = false };
busy:
            closed = false
        :: else
        fi;
#if FOREIGN && MUTATION != FOREIGN_STOP_ALONE
        /* replace_watch */
        if
        :: looking == 0 && OFFERED && workers < HELPERS -> atomic { start_worker() }
        :: else
        fi;
#endif
        locked = false
    od
}
#endif

init {
    byte count;
    atomic {
        region_of[0] = NOBODY;
#if SLOTS > 1
        region_of[1] = NOBODY;
#endif
        /* Some workers may already exist. */
        do
        :: workers < WORKERS -> start_worker()
        :: break
        od;
        run user(0);
#if CALLERS > 1
        run user(1);
#endif
#if STOP
        run stopper()
#endif
    }
}
