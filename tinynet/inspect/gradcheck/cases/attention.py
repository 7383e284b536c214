"""Cases for attention and embeddings."""

import numpy as np

from tinynet.inspect.gradcheck.cases.case import case, functional, integers

functional("embedding", lambda F, i, w: F.embedding(i, w), integers(4, 2, 5), (4, 3))
functional("embedding padded", lambda F, i, w, **o: F.embedding(i, w, **o), integers(4, 2, 5), (4, 3),
           padding_idx=[1, -1], convention=True)
functional("attention", lambda F, q, k, v, **o: F.scaled_dot_product_attention(q, k, v, **o),
           (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3), is_causal=[True], scale=[0.3])
functional("attention mask", lambda F, q, k, v, m, **o: F.scaled_dot_product_attention(q, k, v, attn_mask=m, **o),
           (2, 3, 4), (2, 5, 4), (2, 5, 4), (3, 5), scale=[0.3])
functional("attention broadcasts", lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v),
           (2, 1, 3, 4), (1, 2, 5, 4), (2, 5, 3))


def dropped(lib, q, k, v):
    lib.manual_seed(0)
    return lib.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=0.4)


case("attention dropout", dropped, (2, 3, 4), (2, 5, 4), (2, 5, 4), reference=False)
functional("attention bool mask", lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m),
           (2, 3, 4), (2, 5, 4), (2, 5, 4), np.arange(15).reshape(3, 5) % 4 < 2)
