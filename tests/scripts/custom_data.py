"""Data of one's own: a data set of texts of unequal lengths, a sampler by length, a collate function that pads."""

import torch
from common import labels, start, train
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import (
    BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset, Sampler, Subset, TensorDataset)


class Texts(Dataset):
    def __init__(self, count):
        self.texts = [labels(3 + i * 7 % 11, 20, seed=i) for i in range(count)]

    def __getitem__(self, idx):
        return self.texts[idx], int(self.texts[idx].sum() % 2)

    def __len__(self):
        return len(self.texts)


class ByLength(Sampler):
    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(sorted(range(len(self.data_source)), key=lambda i: (len(self.data_source[i][0]), i)))

    def __len__(self):
        return len(self.data_source)


def collate_batch(batch):
    label_list = torch.tensor([label for _, label in batch], dtype=torch.int64)
    lengths = torch.tensor([len(text) for text, _ in batch])
    text_list = pad_sequence([text for text, _ in batch], batch_first=True, padding_value=0)
    return text_list, lengths, label_list


class Numbers(IterableDataset):
    def __init__(self, end):
        self.end = end

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(start, self.end, step))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6, padding_idx=0)
        self.fc = nn.Linear(6, 2)

    def forward(self, text, lengths):
        mask = (torch.arange(text.size(1))[None, :] < lengths[:, None]).unsqueeze(-1)
        mean = (self.embedding(text) * mask).sum(1) / lengths.unsqueeze(1).float()
        return self.fc(mean)


data = ConcatDataset([Texts(24), Subset(Texts(40), range(24, 40))])
loader = DataLoader(data, batch_sampler=BatchSampler(ByLength(data), 4, drop_last=False), collate_fn=collate_batch)
pairs = DataLoader(TensorDataset(torch.arange(10).float(), torch.arange(10) * 2), batch_size=4, drop_last=True)
numbers = [int(n) for batch in DataLoader(Numbers(12), batch_size=2, num_workers=0) for n in batch]
assert len(pairs) == 2 and numbers == list(range(12))
dicts = next(iter(DataLoader([{"x": 1.0, "name": "a", "pair": (1, 2)}, {"x": 2.0, "name": "b", "pair": (3, 4)}], 2)))
assert dicts["name"] == ["a", "b"] and dicts["x"].dtype == torch.float64 and dicts["pair"][1].tolist() == [2, 4]

model = start(Bag())
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
batches = iter(loader)


def step(i):
    text, lengths, label = next(batches)
    loss = nn.functional.cross_entropy(model(text, lengths), label)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), 0.1)
    optimizer.step()
    return loss.item() + sum(float(x.sum()) for x, _ in pairs)


train(step)
