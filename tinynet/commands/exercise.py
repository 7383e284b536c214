"""Learn by filling a hole: write one backward (or kernel) of the engine yourself, and have it checked.

Without a name, or with --list, this command shows all exercises in the order in which to do them. With --check, it
runs your file, checks the gradients, and says in words what is wrong. An answer that does not end is stopped after a
minute, or after --seconds.

    tinynet exercise
    tinynet exercise relu --out relu.py
    tinynet exercise relu --check relu.py
"""

import os
import pathlib
import sys


def add_options(parser):
    parser.add_argument("name", nargs="?", metavar="NAME", help="which exercise (default: list them)")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--out", metavar="FILE", help="write the exercise into a new file (default: show it)")
    group.add_argument("--check", metavar="FILE", help="check your answer")
    group.add_argument("--list", action="store_true", help="list the exercises")
    parser.add_argument("--seconds", type=float, default=60, metavar="S",
                        help="stop an answer that has not ended after so many seconds (default: 60)")


def run(args):
    from tinynet import exercises
    if args.name is None and (args.out or args.check):
        raise ValueError(f"--{'out' if args.out else 'check'} needs the NAME of an exercise")
    if args.name is None or args.list:
        return show_list(exercises)
    exercise = exercises.Exercise(args.name)
    if args.out:
        return write(exercise, pathlib.Path(args.out))
    if args.check:
        return check(exercise, pathlib.Path(args.check), args.seconds)
    print(exercise.blank(), end="")
    command = f"tinynet exercise {args.name} --out {args.name}.py"
    print(f"tinynet: to have it as a file: {command}", file=sys.stderr)


def show_list(exercises):
    for name in exercises.ORDER:
        print(f"{name:14} {exercises.Exercise(name).summary}")
    first = exercises.ORDER[0]
    print(f"start with: tinynet exercise {first} --out {first}.py")


def write(exercise, path):
    from tinynet.system import files
    if path.exists():
        raise FileExistsError(f"{path} exists already and is left as it is; give --out another name")
    with files.atomic_write(path) as file:
        file.write(exercise.blank().encode())
    print(f"wrote {path}: {exercise.summary}")
    print(f"fill in the part marked TODO, then: tinynet exercise {exercise.name} --check {path}")


def check(exercise, path, seconds):
    from tinynet.exercises import ORDER
    from tinynet.exercises.check import Wrong, check
    if not seconds > 0:
        raise ValueError(f"--seconds: expected a number above 0, got {seconds:g}")

    def end():
        """For an answer that catches the exception, or waits in a call that never returns."""
        print(f"{exercise.name}: stopped: the answer did not end within {seconds:g} seconds", flush=True)
        os._exit(1)

    try:
        cases, worst = check(exercise, path, seconds, end)
    except Wrong as wrong:
        first, *rest = str(wrong).splitlines()
        print(f"{exercise.name}: not right yet. {first}", *rest, sep="\n  ")
        return 1
    print(f"{exercise.name}: right, in {cases} cases; the worst relative error is {worst:.0e}")
    after = ORDER[ORDER.index(exercise.name) + 1:]
    print(f"next: tinynet exercise {after[0]} --out {after[0]}.py" if after else "this was the last exercise")
