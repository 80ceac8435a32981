"""A program that starts processes: `python starts.py CASE METHOD` prints what each of them may load."""

import decimal
import multiprocessing
import os
import pickle
import sched
import sys

import fickgate

# A class that no list names, and that every process can import.
ALLOW = ["sched.scheduler"]
DATA = {"ours": pickle.dumps(sched.scheduler), "decimal": pickle.dumps(decimal.Decimal(1))}


def loads(what):
    try:
        pickle.loads(DATA[what])
    except fickgate.UnsafePickle:
        return "refused"
    return "loaded"


def tell(what, end):
    end.send(loads(what))


def adding(what, end):
    """Adds to what it was started with, and asks a process that it forks."""
    fickgate.protect(also_allow=ALLOW)
    end.send(f"{loads(what)}, its own {ask(what, 'fork')}")


def context(method):
    if method == "loky":
        from joblib.externals.loky.backend import get_context

        return get_context("loky")
    return multiprocessing.get_context(method)


def ask(what, method, target=tell):
    own = context(method)
    there, here = multiprocessing.Pipe(False)
    process = own.Process(target=target, args=(what, here))
    process.start()
    here.close()
    try:
        return there.recv()
    finally:
        process.join()


def nested(method):
    """What a protection adds goes with it, in processes too."""
    fickgate.protect(policy=(), propagate=True)
    print("outer", ask("ours", method))
    fickgate.protect(also_allow=ALLOW)
    print("inner", ask("ours", method))
    fickgate.protect(also_allow=ALLOW, propagate=True)
    fickgate.unprotect()
    fickgate.unprotect()
    print("outer", ask("ours", method))
    fickgate.unprotect()
    fickgate.protect(policy=())
    print("without", ask("ours", method))


def carried(method):
    """A policy whose files are gone is the same in a process."""
    with open(".fickgate.yaml", "w") as file:
        file.write("deny: [decimal.*]\n")
    policy = fickgate.read_policy()
    os.remove(".fickgate.yaml")
    fickgate.protect(policy=policy, propagate=True)
    print("child", ask("decimal", method))


def forking(method):
    """A process that was started protects itself once, and those that it forks have what it has."""
    fickgate.protect(policy=(), propagate=True)
    print("child", ask("ours", method, adding))


if __name__ == "__main__":
    {"nested": nested, "carried": carried, "forking": forking}[sys.argv[1]](sys.argv[2])
