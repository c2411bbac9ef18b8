"""What is wrong in Kubernetes manifests, and in what a cluster says of them."""
