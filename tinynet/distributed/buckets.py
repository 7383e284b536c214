"""Gradients of all processes, averaged while the backward pass still runs.

The gradients of the last layers are complete first. Parameters are put into buckets in that order. As soon as a bucket
is full, MPI begins to add it up (an all-reduce that does not wait), and the backward pass goes on with earlier layers.
At the end of the pass, only what has not arrived is waited for.

MPI pairs the calls of the processes by their order. So the buckets start in the same order everywhere, whichever is
full first. Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", section 3.2.
"""

import time

import numpy as np

from tinynet.distributed.collectives import Work, in_place, sum_array
from tinynet.distributed.process_group import world
from tinynet.gradients.hooks import after_backward
from tinynet.tensor import Tensor


class Bucket:
    """The gradients of some parameters, one behind the other in an array `flat`, which one all-reduce adds up."""

    def __init__(self, parameters):
        self.parameters = parameters
        ends = np.cumsum([p.numel() for p in parameters]).tolist()
        self.flat = np.zeros(ends[-1], parameters[0].dtype)
        self.parts = [self.flat[end - p.numel():end].reshape(p.shape) for p, end in zip(parameters, ends)]
        self.work = None
        self.empty()

    def empty(self):
        """Be ready for the gradients of a backward pass, as soon as MPI does not write here any more."""
        if self.work is not None:
            self.work.wait()
        self.missing, self.work = len(self.parameters), None

    def put(self, number):
        """Copy the gradient of the parameter of this number."""
        self.parts[number][...] = self.parameters[number].grad.array
        self.missing -= 1

    def start(self, group):
        """Begin to add up, in the background."""
        self.work = Work(group, group.background.Iallreduce(in_place(), self.flat), "all_reduce of gradients")

    def finish(self, size, unused):
        """Wait, and write the averages into the gradients of the parameters, but those in the set `unused` of ids."""
        self.work.wait()
        for parameter, part in zip(self.parameters, self.parts):
            if id(parameter) not in unused:
                if parameter.grad is None:                     # used by other processes only
                    parameter.grad = Tensor(np.empty_like(parameter.array))
                np.multiply(part, part.dtype.type(1 / size), out=parameter.grad.array)
                parameter.grad.bump()


def make_buckets(parameters, capacity):
    """Buckets of at most `capacity` bytes, the last parameters first; each has one type of elements."""
    groups, size = [], 0
    for parameter in reversed(parameters):
        size += parameter.array.nbytes
        if not groups or size > capacity or parameter.dtype != groups[-1][0].dtype:
            groups.append([])
            size = parameter.array.nbytes
        groups[-1].append(parameter)
    return [Bucket(group) for group in groups]


class Reducer:
    """Averages the gradients of `parameters`, a dict by name, over all processes, at each backward pass.

    `waited` is how many seconds the last pass waited at its end. `enabled` can be set to False for a while.
    """

    def __init__(self, parameters, capacity, find_unused):
        self.names = {id(p): name for name, p in parameters.items()}
        self.group, self.find_unused, self.enabled, self.waited = world(), find_unused, True, 0.0
        self.buckets = make_buckets(list(parameters.values()), capacity)
        self.places = {id(p): (bucket, i) for bucket in self.buckets for i, p in enumerate(bucket.parameters)}
        self.reset()
        for parameter in parameters.values():
            parameter.register_post_accumulate_grad_hook(self.take)

    def reset(self):
        """Be ready for the next backward pass."""
        self.arrived, self.started, self.fresh = set(), 0, True
        for bucket in self.buckets:
            bucket.empty()

    def prepare(self):
        """Before a forward pass. If it is the first one of its step, the leaves get new nodes.

        A leaf's node keeps its number as long as any graph holds it, and a low number makes its gradient come late.
        """
        if self.arrived:                                       # the last backward pass ended in an error
            self.reset()
        if self.fresh:
            for bucket in self.buckets:
                for parameter in bucket.parameters:
                    parameter._accumulator = None
            self.fresh = False

    def take(self, parameter):
        """The hook: the gradient of a parameter is complete."""
        if not self.enabled:
            return
        if not self.arrived:
            after_backward(self.finish)
        if id(parameter) in self.arrived:
            raise RuntimeError(f"DistributedDataParallel: the gradient of {self.names[id(parameter)]} came twice in "
                               "one backward pass, through a graph that was kept from an earlier one")
        self.arrived.add(id(parameter))
        bucket, number = self.places[id(parameter)]
        bucket.put(number)
        self.start_full_ones()

    def start_full_ones(self):
        """Start each bucket that is full and next in order; and give MPI a moment for those under way."""
        while self.started < len(self.buckets) and self.buckets[self.started].missing == 0:
            self.buckets[self.started].start(self.group)
            self.started += 1
        for bucket in self.buckets[:self.started]:
            if not bucket.work.is_completed():
                break

    def finish(self):
        """At the end of the backward pass."""
        unused = self.fill_up()
        start = time.perf_counter()
        for bucket in self.buckets:
            bucket.finish(self.group.size, unused)
        self.waited = time.perf_counter() - start
        self.reset()

    def fill_up(self):
        """Let zeros stand for gradients that did not come; returns the ids of parameters that no process has used."""
        absent = [p for bucket in self.buckets for p in bucket.parameters if id(p) not in self.arrived]
        if absent and not self.find_unused:
            names = ", ".join(self.names[id(p)] for p in absent[:5]) + (" and others" if len(absent) > 5 else "")
            self.reset()
            raise RuntimeError(f"DistributedDataParallel: no gradient has come for {names}; expected one for every "
                               "parameter, or find_unused_parameters=True")
        for parameter in absent:
            bucket, number = self.places[id(parameter)]
            bucket.parts[number][...] = 0
            bucket.missing -= 1
        self.start_full_ones()
        if not self.find_unused:
            return set()
        ids = list(self.places)
        used = sum_array(np.array([i in self.arrived for i in ids], np.int32))
        return {i for i, count in zip(ids, used) if count == 0}
