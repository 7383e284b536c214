"""Cases for normalization, alone and fused with an activation."""

from tinynet.inspect.gradcheck.cases.case import case, functional, normal, shifted


def sync_batch_norm(x, w, b, residual=None, relu=False):
    """The operator under `nn.SyncBatchNorm`, here in one process."""
    from tinynet.ops.sync_norm import SyncBatchNorm
    return SyncBatchNorm.apply(x, w, b, residual, None, 0.1, 1e-5, relu)



functional("batch_norm", lambda F, x, w, b, **o: F.batch_norm(x, None, None, w, b, training=True, **o),
           (4, 3, 2, 3), (3,), (3,), eps=[0.1])
functional("batch_norm no weight", lambda F, x, **o: F.batch_norm(x, None, None, training=True, **o), (4, 3, 2, 3))
case("batch_norm eval", lambda lib, x, w, b, **o: lib.nn.functional.batch_norm(
    x, lib.arange(3, dtype=lib.float64), lib.arange(1, 4, dtype=lib.float64), w, b, **o), (4, 3, 2, 3), (3,), (3,),
     eps=[0.1])
case("batch_norm eval no weight", lambda lib, x: lib.nn.functional.batch_norm(
    x, lib.arange(3, dtype=lib.float64), lib.arange(1, 4, dtype=lib.float64)), (4, 3, 2))
functional("batch_norm 2-D", lambda F, x, w, b: F.batch_norm(x, None, None, w, b, training=True), (6, 3), (3,), (3,))
functional("batch_norm_act", lambda F, x, w, b: F.batch_norm_act(x, None, None, w, b, training=True),
           normal(4, 3, 2, 3), normal(3), normal(3),
           reference=lambda F, x, w, b: F.relu(F.batch_norm(x, None, None, w, b, training=True)))
functional("batch_norm_act residual",
           lambda F, x, w, b, r: F.batch_norm_act(x, None, None, w, b, training=True, residual=r),
           normal(4, 3, 2, 3), normal(3), normal(3), normal(4, 3, 2, 3),
           reference=lambda F, x, w, b, r: F.relu(F.batch_norm(x, None, None, w, b, training=True) + r))
case("batch_norm_act eval", lambda lib, x, w, b, r: lib.nn.functional.batch_norm_act(
    x, lib.arange(3, dtype=lib.float64), lib.arange(1, 4, dtype=lib.float64), w, b, residual=r),
     normal(4, 3, 2, 3), normal(3), normal(3), normal(4, 3, 2, 3),
     reference=lambda lib, x, w, b, r: lib.relu(r + lib.nn.functional.batch_norm(
         x, lib.arange(3, dtype=lib.float64), lib.arange(1, 4, dtype=lib.float64), w, b)))
functional("batch_norm_conv2d", lambda F, x, w, b, k, **o: F.batch_norm_conv2d(x, None, None, w, b, k, **o),
           normal(3, 4, 4, 5), normal(4), normal(4), normal(2, 4, 3, 3), stride=[1, 2], padding=[0, 1], eps=[1e-5, 0.1],
           reference=lambda F, x, w, b, k, eps=1e-5, **o: F.conv2d(
               F.relu(F.batch_norm(x, None, None, w, b, training=True, eps=eps)), k, **o))
case("sync_batch_norm", lambda lib, x, w, b: sync_batch_norm(x, w, b), (4, 3, 2, 3), (3,), (3,),
     reference=lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, training=True))
case("sync_batch_norm residual", lambda lib, x, w, b, r: sync_batch_norm(x, w, b, r, relu=True),
     normal(4, 3, 2, 3), normal(3), normal(3), normal(4, 3, 2, 3), reference=lambda lib, x, w, b, r: lib.relu(
         lib.nn.functional.batch_norm(x, None, None, w, b, training=True) + r))
functional("add_relu", lambda F, x, y: F.add_relu(x, y), (2, 3, 4, 4), shifted(2, 3, 4, 4),
           reference=lambda F, x, y: F.relu(x + y))
functional("layer_norm", lambda F, x, w, b, **o: F.layer_norm(x, (3, 4), w, b, **o), (2, 3, 4), (3, 4), (3, 4),
           eps=[0.1])
functional("layer_norm last", lambda F, x, w, b: F.layer_norm(x, (4,), w, b), (2, 3, 4), (4,), (4,))
functional("layer_norm no weight", lambda F, x: F.layer_norm(x, (4,)), (2, 3, 4))
functional("group_norm", lambda F, x, w, b, groups=2, **o: F.group_norm(x, groups, w, b, **o), (2, 4, 3, 2), (4,), (4,),
           groups=[1, 4], eps=[0.1])
functional("group_norm no weight", lambda F, x: F.group_norm(x, 2), (2, 4, 3))

functional("instance_norm", lambda F, x, w, b: F.instance_norm(x, None, None, w, b), (2, 3, 4), (3,), (3,))
functional("rms_norm", lambda F, x, w: F.rms_norm(x, (4,), w), (2, 3, 4), (4,))
functional("local_response_norm", lambda F, x: F.local_response_norm(x, 3, 0.5), (2, 5, 2, 2))
functional("normalize", lambda F, x: F.normalize(x, 3.0), (3, 4))
