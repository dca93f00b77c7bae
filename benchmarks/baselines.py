"""What others would write: the same network in plain torch, and in stock skorch."""

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn


class CheapAlphaDropout(nn.Module):
    """Alpha dropout whose 64 random bits at a time decide about four units.

    Torch draws Bernoulli numbers one by one on a CPU.
    """

    def __init__(self, rate):
        super().__init__()
        keep, low = 1 - rate, -1.7580993408473766  # SELU's limit
        self.low, self.gain = low, (keep + low**2 * keep * (1 - keep)) ** -0.5
        self.shift = -self.gain * (1 - keep) * low
        self.threshold = round(keep * 2**16) - 2**15 - 1
        self.bits = np.random.SFC64(0)

    def forward(self, x):
        raw = self.bits.random_raw(-(-x.numel() // 4)).view(np.int16)[: x.numel()]
        kept = (torch.from_numpy(raw) <= self.threshold).view_as(x).to(x.dtype)
        return ((x - self.low) * kept + self.low) * self.gain + self.shift


class SELUNetwork(nn.Sequential):
    """Self-normalizing network out of torch's own parts."""

    def __init__(
        self,
        n_features,
        n_outputs,
        *,
        depth=4,
        width=64,
        dropout=0.05,
        dropout_layer=nn.AlphaDropout,
    ):
        layers, n_inputs = [], n_features
        for _ in range(depth):
            layers += [nn.Linear(n_inputs, width), nn.SELU()]
            if dropout > 0:
                layers.append(dropout_layer(dropout))
            n_inputs = width
        super().__init__(*layers, nn.Linear(n_inputs, n_outputs))
        for layer in self:
            if isinstance(layer, nn.Linear):  # LeCun's normal distribution
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                nn.init.zeros_(layer.bias)


def train_plain(X, y, *, n_epochs, batch_size, learning_rate=2e-3, **network):
    """Train one network on a binary target, with rows and labels held in memory."""
    X = torch.as_tensor(X)
    y = torch.as_tensor(y, dtype=X.dtype).view(-1, 1)
    module = SELUNetwork(X.shape[1], 1, **network)
    optimizer = torch.optim.AdamW(module.parameters(), lr=learning_rate, fused=True)
    criterion = nn.BCEWithLogitsLoss()
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            criterion(module(X[rows]), y[rows]).backward()
            optimizer.step()
    return module


def skorch_classifier(n_features, *, width, batch_size, max_iter):
    """A skorch net of two classes that `GridSearchCV` can search."""
    return NeuralNetClassifier(
        SELUNetwork,
        module__n_features=n_features,
        module__n_outputs=2,
        module__width=width,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        max_epochs=max_iter,
        train_split=None,
        verbose=0,
    )
