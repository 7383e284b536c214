"""Small networks for sequences and sets, each in the style of a public repository; ten steps of training each."""

import copy
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from common import labels, noise, start, train_all
from torch.nn.utils import weight_norm


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(EncoderRNN, self).__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)

    def forward(self, input):
        return self.gru(self.embedding(input))


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super(BahdanauAttention, self).__init__()
        self.Wa, self.Ua = nn.Linear(hidden_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys)))
        scores = scores.squeeze(2).unsqueeze(1)
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class Seq2Seq(nn.Module):
    def __init__(self, words=11, hidden=6):
        super().__init__()
        self.encoder, self.attention = EncoderRNN(words, hidden), BahdanauAttention(hidden)
        self.embedding = nn.Embedding(words, hidden)
        self.gru, self.out = nn.GRU(2 * hidden, hidden, batch_first=True), nn.Linear(hidden, words)

    def forward(self, source, target):
        outputs, hidden = self.encoder(source)
        decoder_input = torch.empty(source.size(0), 1, dtype=torch.long).fill_(0)
        decoder_outputs = []
        for i in range(target.size(1)):
            embedded = self.embedding(decoder_input)
            context, _ = self.attention(hidden.permute(1, 0, 2), outputs)
            output, hidden = self.gru(torch.cat((embedded, context), dim=2), hidden)
            decoder_outputs.append(self.out(output))
            if random.Random(i).random() < 0.5:
                decoder_input = target[:, i].unsqueeze(1)
            else:
                _, topi = decoder_outputs[-1].topk(1)
                decoder_input = topi.squeeze(-1).detach()
        return F.log_softmax(torch.cat(decoder_outputs, dim=1), dim=-1)


def seq2seq_step(model, i):
    source, target = labels(3 * 5, 11, seed=i).view(3, 5), labels(3 * 4, 11, seed=99 + i).view(3, 4)
    return nn.NLLLoss()(model(source, target).view(-1, 11), target.view(-1))


class Chomp1d(nn.Module):
    def __init__(self, chomp_size):
        super(Chomp1d, self).__init__()
        self.chomp_size = chomp_size

    def forward(self, x):
        return x[:, :, :-self.chomp_size].contiguous()


class TemporalBlock(nn.Module):
    def __init__(self, n_inputs, n_outputs, kernel_size, dilation):
        super(TemporalBlock, self).__init__()
        padding = (kernel_size - 1) * dilation
        self.conv1 = weight_norm(nn.Conv1d(n_inputs, n_outputs, kernel_size, padding=padding, dilation=dilation))
        self.net = nn.Sequential(self.conv1, Chomp1d(padding), nn.ReLU(), nn.Dropout(0.0))
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1) if n_inputs != n_outputs else None
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.net(x)
        res = x if self.downsample is None else self.downsample(x)
        return self.relu(out + res)


class TCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(*[TemporalBlock(3 if i == 0 else 5, 5, 2, 2 ** i) for i in range(3)])
        self.linear = nn.Linear(5, 4)

    def forward(self, x):
        return self.linear(self.network(x)[:, :, -1])


class STN3d(nn.Module):
    def __init__(self):
        super(STN3d, self).__init__()
        self.conv1, self.fc = nn.Conv1d(3, 8, 1), nn.Linear(8, 9)
        self.bn1 = nn.BatchNorm1d(8)

    def forward(self, x):
        batchsize = x.size()[0]
        x = F.relu(self.bn1(self.conv1(x)))
        x = torch.max(x, 2, keepdim=True)[0]
        x = self.fc(x.view(-1, 8))
        iden = torch.eye(3).flatten().view(1, 9).repeat(batchsize, 1)
        return (x + iden).view(-1, 3, 3)


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stn = STN3d()
        self.conv1, self.bn1 = nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8)
        self.fc, self.bn = nn.Linear(8, 4), nn.BatchNorm1d(4)

    def forward(self, x):
        trans = self.stn(x)
        x = torch.bmm(x.transpose(2, 1), trans).transpose(2, 1)
        x = F.relu(self.bn1(self.conv1(x)))
        x, _ = x.max(2)
        eye = torch.eye(3)[None, :, :]
        self.penalty = torch.mean(torch.norm(torch.bmm(trans, trans.transpose(2, 1)) - eye, dim=(1, 2)))
        return F.log_softmax(self.bn(self.fc(x)), dim=1)


def pointnet_step(model, i):
    loss = F.nll_loss(model(noise(6, 3, 10, seed=i)), labels(6, 4, seed=i))
    return loss + 0.001 * model.penalty


def clones(module, N):
    return nn.ModuleList([copy.deepcopy(module) for _ in range(N)])


def subsequent_mask(size):
    return torch.triu(torch.ones((1, size, size)), diagonal=1).type(torch.uint8) == 0


def attention(query, key, value, mask=None):
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(query.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    p_attn = scores.softmax(dim=-1)
    return torch.matmul(p_attn, value), p_attn


class MultiHeadedAttention(nn.Module):
    def __init__(self, h, d_model):
        super().__init__()
        self.d_k, self.h, self.linears = d_model // h, h, clones(nn.Linear(d_model, d_model), 4)

    def forward(self, query, key, value, mask=None):
        if mask is not None:
            mask = mask.unsqueeze(1)
        nbatches = query.size(0)
        query, key, value = [lin(x).view(nbatches, -1, self.h, self.d_k).transpose(1, 2)
                             for lin, x in zip(self.linears, (query, key, value))]
        x, self.attn = attention(query, key, value, mask=mask)
        x = x.transpose(1, 2).contiguous().view(nbatches, -1, self.h * self.d_k)
        return self.linears[-1](x)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=50):
        super().__init__()
        pe = torch.zeros(max_len, d_model)
        position = torch.arange(0, max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * -(math.log(10000.0) / d_model))
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return x + self.pe[:, :x.size(1)].requires_grad_(False)


class Translator(nn.Module):
    """The annotated way: clones, masks, label smoothing by KL divergence."""

    def __init__(self, words=9, d_model=8):
        super().__init__()
        self.d_model = d_model
        self.embed, self.position = nn.Embedding(words, d_model), PositionalEncoding(d_model)
        self.self_attn, self.cross_attn = MultiHeadedAttention(2, d_model), MultiHeadedAttention(2, d_model)
        self.norms, self.generator = clones(nn.LayerNorm(d_model), 2), nn.Linear(d_model, words)

    def forward(self, source, target):
        memory = self.position(self.embed(source) * math.sqrt(self.d_model))
        x = self.position(self.embed(target) * math.sqrt(self.d_model))
        mask = (target != 0).unsqueeze(-2)
        mask = mask & subsequent_mask(target.size(-1)).type_as(mask.data)
        x = self.norms[0](x + self.self_attn(x, x, x, mask))
        x = self.norms[1](x + self.cross_attn(x, memory, memory, (source != 0).unsqueeze(-2)))
        return F.log_softmax(self.generator(x), dim=-1)


def translator_step(model, i):
    source, target = labels(2 * 5, 9, seed=i).view(2, 5), labels(2 * 6, 9, seed=50 + i).view(2, 6)
    x, y = model(source, target[:, :-1]).contiguous().view(-1, 9), target[:, 1:].contiguous().view(-1)
    true_dist = x.data.clone()
    true_dist.fill_(0.1 / 7)
    true_dist.scatter_(1, y.data.unsqueeze(1), 0.9)
    true_dist[:, 0] = 0
    mask = torch.nonzero(y.data == 0)
    if mask.dim() > 0:
        true_dist.index_fill_(0, mask.squeeze(), 0.0)
    return nn.KLDivLoss(reduction="sum")(x, true_dist.clone().detach()) / 10


class TransformerModel(nn.Module):
    """A language model of torch's own encoder layers."""

    def __init__(self, words=9, d_model=8):
        super().__init__()
        self.encoder = nn.Embedding(words, d_model)
        self.pos_encoder = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(d_model, 2, 16, 0.0)
        self.transformer_encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.decoder = nn.Linear(d_model, words)

    def _generate_square_subsequent_mask(self, sz):
        return torch.log(torch.tril(torch.ones(sz, sz)))

    def forward(self, src):
        mask = self._generate_square_subsequent_mask(len(src)).to(src.device)
        src = self.pos_encoder(self.encoder(src) * math.sqrt(8))
        return F.log_softmax(self.decoder(self.transformer_encoder(src, mask=mask)), dim=-1)


def language_step(model, i):
    text = labels(7 * 2, 9, seed=i).view(7, 2)
    return F.nll_loss(model(text[:-1]).view(-1, 9), text[1:].reshape(-1))


class Sequence(nn.Module):
    """Sine waves: LSTM cells stepped by hand, one value at a time, and then on their own outputs."""

    def __init__(self):
        super(Sequence, self).__init__()
        self.lstm1, self.lstm2, self.linear = nn.LSTMCell(1, 6), nn.LSTMCell(6, 6), nn.Linear(6, 1)

    def forward(self, input, future=0):
        outputs = []
        h_t, c_t = torch.zeros(input.size(0), 6), torch.zeros(input.size(0), 6)
        h_t2, c_t2 = torch.zeros(input.size(0), 6), torch.zeros(input.size(0), 6)
        for input_t in input.split(1, dim=1):
            h_t, c_t = self.lstm1(input_t, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        for _ in range(future):
            h_t, c_t = self.lstm1(output, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        return torch.cat(outputs, dim=1)


def sine_step(model, i):
    wave = torch.sin(torch.arange(9).float()[None] * 0.7 + torch.arange(4).float()[:, None] + i)
    return nn.MSELoss()(model(wave[:, :-3], future=2), wave[:, 1:])


class TextCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(noise(12, 6), freeze=False)
        self.convs = nn.ModuleList([nn.Conv2d(1, 3, (k, 6)) for k in (2, 3)])
        self.gru = nn.GRU(6, 3, num_layers=1, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * 3 + 6, 3)

    def conv_and_pool(self, x, conv):
        x = F.relu(conv(x)).squeeze(3)
        return F.max_pool1d(x, x.size(2)).squeeze(2)

    def forward(self, x):
        embedded = self.embedding(x)
        out = torch.cat([self.conv_and_pool(embedded.unsqueeze(1), conv) for conv in self.convs], 1)
        _, hidden = self.gru(embedded)
        return self.fc(torch.cat((out, hidden[-2], hidden[-1]), 1))


class Policy(nn.Module):
    """An actor and a critic: discounted returns, normalised, log-probabilities gathered by action."""

    def __init__(self):
        super(Policy, self).__init__()
        self.affine1, self.action_head, self.value_head = nn.Linear(4, 16), nn.Linear(16, 2), nn.Linear(16, 1)

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def policy_step(model, i):
    states, actions = noise(8, 4, seed=i), labels(8, 2, seed=i)
    R, returns = 0, []
    for r in [1.0] * 8:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    policy_losses, value_losses = [], []
    for state, action, ret in zip(states, actions, returns):
        probs, value = model(state)
        m = torch.distributions.Categorical(probs)
        policy_losses.append(-m.log_prob(action) * (ret - value.item()))
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([ret])))
    return torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()


MODELS = {"seq2seq": (Seq2Seq, seq2seq_step),
          "TCN": (TCN, lambda model, i: F.cross_entropy(model(noise(5, 3, 12, seed=i)), labels(5, 4, seed=i))),
          "PointNet": (PointNet, pointnet_step), "translator": (Translator, translator_step),
          "language model": (TransformerModel, language_step), "sine waves": (Sequence, sine_step),
          "text CNN": (TextCNN, lambda model, i: F.cross_entropy(model(labels(4 * 7, 12, seed=i).view(4, 7)),
                                                                 labels(4, 3, seed=i))),
          "policy": (Policy, policy_step)}


def make_step(make, loss_of):
    model = start(make())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, amsgrad=False)

    def step(i):
        optimizer.zero_grad()
        loss = loss_of(model, i)
        loss.backward()
        optimizer.step()
        return loss

    return step


train_all({name: make_step(*parts) for name, parts in MODELS.items()})
