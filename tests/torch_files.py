"""Files in PyTorch's formats, for tests: by `torch.save`, and by hand what it would never write."""

import collections
import io
import pickle
import zipfile

import torch


class Storage:
    """What becomes a persistent id: a storage's type, key, device and number of elements."""

    def __init__(self, numel, key="0", kind=torch.FloatStorage, device="cpu", tag="storage"):
        self.identity = (tag, kind, key, device, numel)


class Call:
    """An object that the pickle makes by calling `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.identity if isinstance(obj, Storage) else None


def pickled(obj, protocol=2):
    buffer = io.BytesIO()
    Pickler(buffer, protocol).dump(obj)
    return buffer.getvalue()


def tensor(sizes, strides, offset=0, storage=None):
    hooks = collections.OrderedDict()
    return Call(torch._utils._rebuild_tensor_v2, storage or Storage(4), offset, sizes, strides, False, hooks)


def zip_file(data_pickle, storages=None, compression=zipfile.ZIP_STORED, **others):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("name/data.pkl", data_pickle)
        for key, content in ({"0": bytes(16)} if storages is None else storages).items():
            archive.writestr(f"name/data/{key}", content)
        for name, content in others.items():
            archive.writestr(f"name/{name}", content)
    return buffer.getvalue()


def legacy_file(data_pickle, keys=("0",), storages=(4).to_bytes(8, "little") + bytes(16)):
    header = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    return b"".join(map(pickled, header)) + data_pickle + pickled(list(keys)) + storages


def torch_save(obj, zipped=True, **options):
    buffer = io.BytesIO()
    torch.save(obj, buffer, _use_new_zipfile_serialization=zipped, **options)
    return buffer.getvalue()
