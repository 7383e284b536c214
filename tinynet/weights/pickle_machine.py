"""A stack machine that runs a pickle, if it builds plain containers and calls nothing but allowed functions.

A pickle is a program. Python's own unpickler lets it import and call any function, so that a "weight file" can delete
your home folder. Even with a list of allowed functions, a pickle can fill the memory. This machine knows the
instructions for dicts, lists, tuples, numbers and strings, and refuses all others. `pickletools`, from Python's
library, splits the bytes into instructions and documents them (`python -m pickletools FILE` prints a pickle).
"""

import pickletools

from tinynet.weights.refusal import Refusal, as_dict

MAX_STEPS = 1_000_000         # a tensor takes 25; a million of them can fill some 100 MB at worst


class Global(str):
    """An allowed name on the machine's stack. In the data it is only a string."""


def run(file, calls=(), names=(), persistent=None):
    """Runs the pickle that begins at the position of `file`, and returns what it builds.

    `calls` maps the names of the functions that it may call to the functions; it may mention `names`, but not call
    them. `persistent` makes an object from a persistent id, which stands for data outside the pickle.
    """
    machine = Machine(calls, names, persistent)
    for steps, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        if steps >= MAX_STEPS:
            raise Refusal(f"its pickle has more than {MAX_STEPS:,} instructions")
        perform = getattr(machine, instruction.name, None)
        if perform is None:
            raise Refusal(f"its pickle uses {instruction.name}, which plain weights do not need")
        perform(argument)
    return machine.stack.pop()


class Machine:
    """A method for each pickle instruction, by its name in `pickletools`, with the instruction's argument."""

    def __init__(self, calls, names, persistent):
        self.calls, self.names, self.persistent = calls, names, persistent
        self.stack, self.marked, self.memo = [], [], {}

    def push(self, value):
        self.stack.append(value)

    INT = LONG = BININT = BININT1 = BININT2 = LONG1 = FLOAT = BINFLOAT = push
    STRING = BINSTRING = SHORT_BINSTRING = UNICODE = BINUNICODE = SHORT_BINUNICODE = BINUNICODE8 = push

    def ignore(self, _):
        pass

    PROTO = FRAME = STOP = ignore

    def NONE(self, _):
        self.push(None)

    def NEWTRUE(self, _):
        self.push(True)

    def NEWFALSE(self, _):
        self.push(False)

    # The memo: objects that later instructions use again.

    def PUT(self, index):
        self.memo[index] = self.stack[-1]

    def MEMOIZE(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def GET(self, index):
        self.push(self.memo[index])

    BINPUT = LONG_BINPUT = PUT
    BINGET = LONG_BINGET = GET

    # Containers. MARK begins a new stack; its objects at the end are the items.

    def MARK(self, _):
        self.marked.append(self.stack)
        self.stack = []

    def items(self):
        items, self.stack = self.stack, self.marked.pop()
        return items

    def pop(self, count):
        return [self.stack.pop() for _ in range(count)][::-1]

    def top(self, kind):
        if type(self.stack[-1]) is not kind:
            raise Refusal(f"its pickle treats a {type(self.stack[-1]).__name__} as a {kind.__name__}")
        return self.stack[-1]

    def EMPTY_LIST(self, _):
        self.push([])

    def APPEND(self, _):
        item, = self.pop(1)
        self.top(list).append(item)

    def APPENDS(self, _):
        items = self.items()
        self.top(list).extend(items)

    def EMPTY_DICT(self, _):
        self.push({})

    def SETITEM(self, _):
        pair = self.pop(2)
        self.top(dict).update(as_dict([pair]))

    def SETITEMS(self, _):
        items = self.items()
        self.top(dict).update(as_dict(list(zip(items[::2], items[1::2], strict=True))))

    def EMPTY_TUPLE(self, _):
        self.push(())

    def TUPLE1(self, _):
        self.push(tuple(self.pop(1)))

    def TUPLE2(self, _):
        self.push(tuple(self.pop(2)))

    def TUPLE3(self, _):
        self.push(tuple(self.pop(3)))

    def TUPLE(self, _):
        self.push(tuple(self.items()))

    # Names and calls: here a pickle could do harm.

    def GLOBAL(self, argument):
        name = argument.replace(" ", ".")
        if name not in self.calls and name not in self.names:
            raise Refusal(f"it asks for {name[:80]!r}, and only tensors and plain containers are read")
        self.push(Global(name))

    def STACK_GLOBAL(self, _):
        module, name = self.pop(2)
        self.GLOBAL(f"{module} {name}")

    def REDUCE(self, _):
        function, arguments = self.pop(2)
        if type(function) is not Global or function not in self.calls or type(arguments) is not tuple:
            raise Refusal("its pickle calls an object that is not a function")
        self.push(self.calls[function](*arguments))

    def BUILD(self, _):
        self.stack.pop()                 # the attributes of an OrderedDict: a state_dict's `_metadata`
        self.top(dict)

    def BINPERSID(self, _):
        self.push(self.persistent(self.stack.pop()))
