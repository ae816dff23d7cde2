"""What is shown, one function each: takes the Bench, returns a line of numbers or a Skip; raises Failure."""
import os
import time

from blows import Blows
from processes import Failure, Skip
import scenarios_calm
import stateful

# Short time-outs, so that a SIGSTOP of some seconds is beyond both.
SHORT = ["-X", "session.timeout.ms=6000", "-X", "transaction.timeout.ms=8000"]
KINDS = {"kill": 5, "kill_all": 1, "kill_young": 2, "take_over": 3, "freeze": 3, "flicker": 1, "join": 3, "leave": 3}


def slot_kinds(bench):
    wanted = bench.options.slots
    return ["named", "shared", "shared", "own"] if wanted == "mixed" else [wanted]


def begin(bench, records, rate, seconds):
    bench.create(bench.input)
    for topic, _ in bench.beside:
        bench.create(topic, bench.beside_partitions)
    bench.create(bench.output)
    options = bench.options
    if records:
        bench.fill(records)
    if rate and seconds:
        bench.fill(int(rate * seconds), rate, wait=False)
    kinds = slot_kinds(bench)
    for number in range(options.instances):
        bench.launch(bench.add_slot(kinds[number % len(kinds)]))


def finish(bench, blows):
    """After the storm: all live and are members, all is done, new records go through; then stop, and the proof."""
    blows.settle()
    bench.drain(bench.options.stall_timeout)
    deadline = time.monotonic() + 60
    while any(slot.elders for slot in bench.slots) or any(p.may_end is not None for p in bench.processes):
        bench.judge()  # superseded ones find out in their own time
        if time.monotonic() > deadline:
            raise Failure("still there: " + ", ".join(p.name for p in bench.processes if p.may_end or p.contested))
        time.sleep(0.1)
    bench.await_members(len(bench.processes))
    bench.fill(2000, 2000)
    limit = bench.calm_limit * (2 if bench.repartitions else 1)
    calm = bench.drain(max(15, limit))
    if calm > limit:  # the marks of --by come to rest only behind the records
        raise Failure(f"in the calm after the storm 2,000 records took {calm:.1f} s")
    bench.stop_all()
    result = bench.verify()
    bench.run_to_end()
    if bench.verify() != result:
        raise Failure("a run with -e over what was done changed the result")
    return result


def storm(bench, more=None):
    """Blows of every kind for --duration seconds, while records come in."""
    options = bench.options
    options.extra = SHORT + options.extra
    kinds = dict(KINDS, **(more or {}))
    if options.only:
        only = [word.partition("=") for word in options.only.split(",")]
        kinds = {name: int(weight or kinds.get(name, 1)) for name, _, weight in only}
    rate = 1000 if options.rate is None else options.rate
    blows = Blows(bench, kinds, options.instances, options.instances + 2)
    begin(bench, 50_000 if options.records is None else options.records, rate, options.duration + bench.overtime)
    end = time.monotonic() + options.duration
    strike_at = time.monotonic() + 2
    while time.monotonic() < end:
        bench.judge()
        blows.tick()
        if time.monotonic() >= strike_at:
            blows.strike()
            calm = bench.random.random() < 0.15  # now and then the group gets to work
            pause = bench.random.uniform(3, 5) if calm else min(bench.random.expovariate(1 / options.pause), 5)
            strike_at = time.monotonic() + pause
        time.sleep(0.02)
    return (bench.finish or finish)(bench, blows)


def brokers(bench, more=None):
    """The same while brokers, coordinators among them, are killed and restarted one at a time."""
    if bench.cluster.nodes() < 3:
        return Skip("needs a cluster of three (scripts/kafka --dir DIR start --nodes 3; --cluster DIR)")
    return storm(bench, more or {"broker": 6})


def brokers_in_commit(bench):
    """The same at the moment when an instance sends the broker a request of a commit."""
    return brokers(bench, {"broker": 2, "broker_in_commit": 12})


def late(bench):
    """The same while calls to librdkafka are late now and then: what its threads do meanwhile happens at every place."""
    bench.env.update(LD_PRELOAD=os.path.join(bench.options.build, "tests", "late_calls.so"), KUTILS_LATE_CALLS="0.02 2500")
    bench.options.extra = ["-X", "heartbeat.interval.ms=300"] + bench.options.extra
    bench.calm_limit = 20
    return storm(bench, {"join": 5, "leave": 4})


def grow(bench):
    """The same while the input gets more partitions, up to twice as many: stateless tools and --by take them."""
    # The output keeps its number of partitions: records of those that were added go by their keys.
    bench.options.verify = [word for word in bench.options.verify if word != "--same-partition"]
    return storm(bench, {"grow": 6})


def kills(bench, more=None):
    """--kills kill -9 (20), spread over the work by its progress, and instances that join and leave."""
    options = bench.options
    options.extra = SHORT + options.extra
    records = 700_000 if options.records is None else options.records
    rate = 10_000 if options.rate is None else options.rate
    arriving = records * 3 // 7
    begin(bench, records, rate, arriving / rate)
    blows = Blows(bench, dict({"join": 1, "leave": 1}, **(more or {})), options.instances, options.instances + 2)
    done = 0
    wanted = options.kills or 20
    while done < wanted:
        bench.judge()
        blows.tick()
        progress = sum(bench.cluster.committed(bench.group, bench.input).values()) / bench.filled
        # Over nine tenths of the work: the last ones need somebody alive who still has something to do.
        if progress >= 0.9 * done / wanted and blows.kill():
            bench.count("kill")
            done += 1
            if done % 3 == 0:
                blows.strike()
        time.sleep(0.02)
        if not bench.filling() and progress >= 1:
            raise Failure(f"all was done after {done} kills: more records or a slower --rate are needed")
    return finish(bench, blows)


def counted(bench, _=None):
    """Runs that each end after up to --counted outputs (-m), one or two at a time, some killed: nothing is left out or comes twice."""
    options = bench.options
    options.extra = SHORT + options.extra
    bench.fill_options = bench.fill_options or ["--keys", options.keys]  # records that a command can pass on as lines
    bench.create(bench.input)
    bench.create(bench.output)
    bench.fill(10_000 if options.records is None else options.records)
    slots = [bench.add_slot(kind) for kind in ("own", "shared", "shared")]
    dead, written, idle = None, 0, 0
    while bench.lag()[0] > 0:
        number = bench.random.randint(1, options.counted or 500)
        running = bench.random.sample(slots, bench.random.choice([1, 1, 2]))
        if dead and dead not in running:
            running[0] = dead  # the others would have to wait for its session
        before = bench.lag()[0]
        for slot in running:
            bench.launch(slot, "-m", str(number), "-e").may_end = {0}
        dead, killed = None, bench.random.random() < 0.3
        if killed:
            time.sleep(bench.random.uniform(0.1, 1))  # any moment will do
            dead = running[0]
            if dead.process.running():
                dead.process.kill()
                bench.count("kill")
        bench.await_ends(60)
        bench.count("run")
        left = bench.lag()[0]
        idle = idle + 1 if left == before else 0
        if idle > 20:
            raise Failure(f"{idle} runs with -m did nothing more: lag {left}\n{running[0].process.tail()}")
        while any(map(bench.cluster.open_transactions, [bench.output, *bench.more_outputs])):
            time.sleep(0.05)
        now = sum(map(bench.cluster.count, [bench.output, *bench.more_outputs]))
        if now > written + number * len(running) and bench.outputs_a_record == 1:
            raise Failure(f"-m {number} in {len(running)} runs wrote {now - written}")
        if not killed and left > 0 and now < written + number:
            raise Failure(f"-m {number} ended after {now - written}, with {left} records left")
        written = now
    result = bench.verify()
    bench.run_to_end()
    if bench.verify() != result:
        raise Failure("a run with -e over what was done changed the result")
    return result


ALL = {"counted": counted, "storm": storm, "brokers": brokers, "brokers_in_commit": brokers_in_commit, "late": late, "grow": grow, "kills": kills, **scenarios_calm.ALL,
       **{kind: stateful.make(kind, storm, kills, counted) for kind in stateful.KINDS}}
