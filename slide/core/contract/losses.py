"""The losses by name and formula; backends compute them (`Backend.loss`).

z logits of an example's active neurons, m_j = exp(log_weight_j) how many neurons entry j stands
for, C the active labels whose value in y is positive. Labels of value 0 or less are known
negatives: neurons that were shown and not chosen. Labels that are not active are ignored.

* `softmax`: -(1 / |C|) sum_(j in C) log p_j with p = softmax(z + log m); 0 if C is empty. A known
  negative is an entry like any other.
* `bce`, one versus all: sum_(j in C) softplus(-z_j) + sum_(j not in C) m_j softplus(z_j), where
  softplus(v) = log(1 + exp(v)). A positive counts once, whatever its m. Without labels an
  example is a true negative everywhere, so it has a loss.
* `saros`, pairwise logistic: the mean of softplus(z_k - z_j) over j in C and k in S, k counted
  m_k times. S are the active known negatives if there are any, otherwise all active neurons
  outside C. 0 if C or S is empty.

Source: softmax over active neurons SLIDE (arXiv 1903.03129) section 3.1, its weights those of
sampled softmax (Jean et al., ACL 2015). bce: the weights are inverse inclusion probabilities
(Horvitz and Thompson, JASA 1952). saros: Burashnikova et al. (arXiv 1902.08495), an example
being a block of items skipped and then clicked.
"""

from __future__ import annotations

from typing import Literal, get_args

LossName = Literal["softmax", "bce", "saros"]

LOSSES: tuple[LossName, ...] = get_args(LossName)
