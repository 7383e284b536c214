"""What torchvision has beside its models, under torchvision's names.

    transforms     images to tensors, and random changes of them
    datasets       CIFAR-10 and CIFAR-100, MNIST and Fashion-MNIST, folders of images, invented images
    utils          images side by side, and saved
    ops            a few layers of torchvision's own
"""
