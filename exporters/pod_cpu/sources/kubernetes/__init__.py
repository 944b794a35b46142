"""Pods of a Kubernetes cluster.

access -> api        who we are, and HTTP to the API server and the kubelets: the two that do I/O
pods <- objects      which pods there are (list and watch), and what of a Pod object counts here
node <- kubelet      what the containers of a node use, and how a kubelet says it
source               both together
"""
