"""Cases for pooling."""

from tinynet.inspect.gradcheck.cases.case import functional

functional("max_pool2d", lambda F, x, **o: F.max_pool2d(x, 3, **o), (2, 2, 7, 6), stride=[2, (1, 2)],
           padding=[1, (0, 1)], dilation=[2], ceil_mode=[True])
functional("max_pool2d 2x3", lambda F, x, **o: F.max_pool2d(x, (2, 3), **o), (1, 2, 6, 7), stride=[(2, 1)],
           padding=[(0, 1)], ceil_mode=[True])
functional("avg_pool2d", lambda F, x, **o: F.avg_pool2d(x, 3, **o), (2, 2, 7, 6), stride=[2, (1, 2)],
           padding=[1, (0, 1)], ceil_mode=[True], count_include_pad=[False])
functional("avg_pool2d all", lambda F, x: F.avg_pool2d(x, 2, 2, 1, ceil_mode=True, count_include_pad=False),
           (1, 2, 5, 4))
functional("avg_pool2d 2x3", lambda F, x, **o: F.avg_pool2d(x, (2, 3), **o), (1, 2, 6, 7), stride=[(2, 1)])
functional("avg_pool2d unbatched", lambda F, x: F.avg_pool2d(x, 2), (2, 5, 4))
functional("adaptive_avg_pool2d", lambda F, x: F.adaptive_avg_pool2d(x, (3, 2)), (2, 2, 7, 5))
functional("adaptive_avg_pool2d 1", lambda F, x: F.adaptive_avg_pool2d(x, 1), (2, 3, 4, 5))
functional("adaptive_avg_pool2d larger", lambda F, x: F.adaptive_avg_pool2d(x, (5, 3)), (1, 2, 3, 4))

functional("max_pool1d", lambda F, x: F.max_pool1d(x, 3, 2, 1), (2, 3, 7))
functional("avg_pool1d", lambda F, x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False), (2, 3, 7))
functional("adaptive_max_pool2d", lambda F, x: F.adaptive_max_pool2d(x, (2, 3)), (2, 2, 5, 4))
functional("max_pool3d", lambda F, x: F.max_pool3d(x, (1, 2, 3), (1, 2, 2), (0, 1, 1)), (1, 2, 2, 4, 5))
functional("avg_pool3d", lambda F, x: F.avg_pool3d(x, 2, 1, 1), (1, 2, 2, 3, 3))
functional("max_unpool2d",
           lambda F, x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(5, 4)), (2, 2, 5, 4))
