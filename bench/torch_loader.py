"""One measurement of PyTorch's DataLoader, without a model: prints samples per second as JSON. bench/loader runs it beside Convoy's.

  mnist-usual   a Dataset of single samples, as torchvision.datasets.MNIST and the tutorials have it: an image of bytes becomes a
                float tensor and is normalised, batches are collated from samples
  mnist-tuned   all images normalised in memory before the first epoch, batches taken by one index operation (a BatchSampler)
  table-usual   a TensorDataset of the table's numbers, standardised before
  table-tuned   the same, batches by one index operation
  images        torchvision's ImageFolder with Resize, CenterCrop, ToTensor (Pillow decodes), or any folder of them
  images-augmented  the same with RandomCrop, RandomHorizontalFlip and ColorJitter
"""

import argparse
import gzip
import json
import time

import numpy
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset


def read_mnist(folder):
    with open(f"{folder}/train-images-idx3-ubyte", "rb") as file:
        images = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 28, 28)
    with open(f"{folder}/train-labels-idx1-ubyte", "rb") as file:
        labels = numpy.frombuffer(file.read(), numpy.uint8, offset=8)
    return torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(numpy.int64))


class Samples(Dataset):
    """As torchvision's MNIST without the detour over Pillow, which would make it slower."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i].unsqueeze(0).to(torch.float32).div_(255)
        return image.sub_(0.1307).div_(0.3081), self.labels[i]


class Batches(Dataset):
    """Whole batches by a list of indices."""

    def __init__(self, *tensors):
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, indices):
        indices = torch.tensor(indices)
        return [tensor.index_select(0, indices) for tensor in self.tensors]


def by_sample(dataset, options):
    return DataLoader(dataset, batch_size=options.batch, shuffle=True, num_workers=options.workers,
                      persistent_workers=options.workers > 0)


def by_batch(dataset, options):
    sampler = BatchSampler(RandomSampler(dataset), options.batch, drop_last=False)
    return DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=options.workers,
                      persistent_workers=options.workers > 0)


def image_folder(options, augmented):
    from torchvision import datasets, transforms
    steps = [transforms.Resize(options.size), transforms.CenterCrop(options.size)]
    if augmented:
        steps += [transforms.RandomCrop(options.size, padding=options.size // 8), transforms.RandomHorizontalFlip(),
                  transforms.ColorJitter(0.2, 0.2, 0.2)]
    steps.append(transforms.ToTensor())
    return datasets.ImageFolder(options.data, transforms.Compose(steps))


def make_loader(options):
    if options.kind.startswith("mnist"):
        images, labels = read_mnist(options.data)
        if options.kind == "mnist-usual":
            return by_sample(Samples(images, labels), options)
        images = images.unsqueeze(1).to(torch.float32).div_(255).sub_(0.1307).div_(0.3081)
        return by_batch(Batches(images, labels), options)
    if options.kind.startswith("table"):
        with gzip.open(options.data, "rt") as file:
            table = numpy.loadtxt(file, delimiter=",", dtype=numpy.float32)
        features = torch.from_numpy(table[:, :-1].copy())
        features = (features - features.mean(0)) / features.std(0).clamp_min(1e-6)
        target = torch.from_numpy(table[:, -1].astype(numpy.int64))
        if options.kind == "table-usual":
            return by_sample(TensorDataset(features, target), options)
        return by_batch(Batches(features, target), options)
    return by_sample(image_folder(options, options.kind == "images-augmented"), options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind")
    parser.add_argument("data")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1 if options.workers else 2)
    loader = make_loader(options)
    speeds = []
    for _ in range(options.epochs):
        begin, samples, total = time.perf_counter(), 0, 0.0
        for features, _ in loader:
            samples += len(features)
            total += float(features.view(-1)[0])
        speeds.append(samples / (time.perf_counter() - begin))
    print(json.dumps({"samples": samples, "samples_per_second": speeds}))


if __name__ == "__main__":
    main()
