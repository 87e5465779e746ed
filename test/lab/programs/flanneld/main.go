// The lab's flanneld: flannel's own packages (subnets from Kubernetes, host-gw and vxlan) behind the options that the platform
// passes. The program of the flannel module itself cannot be built here: it imports cloud backends that cannot be had.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
)

const subnetFile = "/run/flannel/subnet.env"

func main() {
	iface := flag.String("iface", "", "address or name of the interface between hosts")
	flag.Bool("kube-subnet-mgr", true, "subnets come from Kubernetes; nothing else is built in here")
	kubeconfig := flag.String("kubeconfig-file", "", "identity towards Kubernetes")
	netConf := flag.String("net-config-path", "/etc/kube-flannel/net-conf.json", "configuration of the network")
	masquerade := flag.Bool("ip-masq", false, "masquerade what leaves the network of pods")
	healthzIP := flag.String("healthz-ip", "0.0.0.0", "address of the health server")
	healthzPort := flag.Int("healthz-port", 0, "port of the health server; 0 for none")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	must := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	// A file of an earlier start would tell the plug-in of pods a subnet that may not be the host's any more.
	if err := os.Remove(subnetFile); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	subnets, err := kube.NewSubnetManager(ctx, "", *kubeconfig, "flannel.alpha.coreos.com", *netConf, true)
	must(err)
	config, err := subnets.GetNetworkConfig(ctx)
	must(err)
	stack, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	must(err)
	external, err := ipmatch.LookupExtIface(*iface, "", "", stack, ipmatch.PublicIPOpts{})
	must(err)
	driver, err := backend.NewManager(ctx, subnets, external).GetBackend(config.BackendType)
	must(err)
	var running sync.WaitGroup
	network, err := driver.RegisterNetwork(ctx, &running, config)
	must(err)
	rules := &iptables.IPTablesManager{}
	must(rules.Init(ctx))
	lease := network.Lease()
	if *masquerade {
		must(rules.SetupAndEnsureMasqRules(ctx, config.Network, ip.IP4Net{}, ip.IP4Net{}, config.IPv6Network, ip.IP6Net{}, ip.IP6Net{}, lease, 5, false))
	}
	rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, 5)
	must(subnets.HandleSubnetFile(subnetFile, config, *masquerade, lease.Subnet, lease.IPv6Subnet, network.MTU()))
	log.Printf("subnet %s, backend %s", lease.Subnet, config.BackendType)
	if *healthzPort > 0 {
		http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("flanneld is running")) })
		go func() { log.Fatal(http.ListenAndServe(net.JoinHostPort(*healthzIP, strconv.Itoa(*healthzPort)), nil)) }()
	}
	running.Add(1)
	go func() { defer running.Done(); network.Run(ctx) }()
	err = subnets.CompleteLease(ctx, lease, &running)
	running.Wait()
	if err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
