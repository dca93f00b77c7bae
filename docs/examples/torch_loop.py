"""
The network in a torch loop of your own
=======================================

``SNN`` is the network alone: a plain ``torch.nn.Sequential`` with the paper's initial
weights. It wants inputs of mean 0 and variance 1, and an optimizer; the rest is torch.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from sklearn_snn import SNN

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X_train)
train, test = (
    TensorDataset(torch.tensor(scaler.transform(X)).float(), torch.tensor(y))
    for X, y in ((X_train, y_train), (X_test, y_test))
)

# %%
torch.manual_seed(0)
network = SNN(n_features=64, n_outputs=10, depth=8, width=64, dropout=0.05)
optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
losses, accuracies = [], []
for _ in range(12):
    network.train()
    for rows, labels in DataLoader(train, batch_size=64, shuffle=True):
        loss = cross_entropy(network(rows), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    network.eval()
    with torch.no_grad():
        rows, labels = test.tensors
        accuracies.append((network(rows).argmax(1) == labels).float().mean().item())
print(f"accuracy after 12 epochs: {accuracies[-1]:.3f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
left.plot(losses, linewidth=0.8)
left.set(xlabel="step", ylabel="training loss", yscale="log")
right.plot(range(1, 13), accuracies, "o-")
right.set(xlabel="epoch", ylabel="accuracy on new rows")
plt.show()
