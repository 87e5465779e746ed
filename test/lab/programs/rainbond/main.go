// Stands in for the programs of Rainbond itself, which cannot be had: the program that COMPONENT names, with its options, ports and health
// address. It does no work, but it uses the neighbours that the real one cannot do without, the way it is told to reach them, and says
// unhealthy while one of them does not answer as it must.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

const timeout = 3 * time.Second

// A neighbour, and whether it answers as it must.
type check func(ctx context.Context) error

type program struct {
	// The options that the real program takes; others end it.
	options []string
	checks  func(o options) map[string]check
	// Address and path of the health check.
	address func(o options) string
	path    string
	// Further ports that it listens on.
	tcp, udp func(o options) []string
	start    func(o options, mux *http.ServeMux) error
}

type options map[string]string

func (o options) need(name string) string {
	value, ok := o[name]
	if !ok || value == "" {
		log.Fatalf("--%s is missing", name)
	}
	return value
}

func at(address string) func(options) string { return func(options) string { return address } }

func ports(addresses ...string) func(options) []string {
	return func(options) []string { return addresses }
}

var programs = map[string]program{
	"rbd-mq": {
		options: []string{"log-level", "etcd-endpoints", "hostIP"},
		checks:  func(o options) map[string]check { return map[string]check{"etcd": etcd(o.need("etcd-endpoints"))} },
		address: at(":6301"), path: "/health", tcp: ports(":6300"),
	},
	"rbd-eventlog": {
		options: []string{"db.type", "db.url", "discover.etcd.addr", "cluster.bind.ip", "cluster.instance.ip", "eventlog.bind.ip", "websocket.bind.ip"},
		checks: func(o options) map[string]check {
			return map[string]check{
				"database": database(o.need("db.url")),
				"etcd":     etcd(o.need("discover.etcd.addr")),
				"storage":  writable("/grdata/downloads/log"),
			}
		},
		address: func(o options) string { return net.JoinHostPort(o.need("websocket.bind.ip"), "6363") }, path: "/health",
		tcp: func(o options) []string {
			own := o.need("eventlog.bind.ip")
			return []string{net.JoinHostPort(own, "6362"), net.JoinHostPort(own, "6365"), net.JoinHostPort(own, "6366")}
		},
		udp: func(o options) []string { return []string{net.JoinHostPort(o.need("eventlog.bind.ip"), "6166")} },
	},
	"rbd-api": {
		options: []string{"log-level", "etcd", "mysql", "kube-config-path", "api-addr", "api-addr-ssl", "api-ssl-enable", "api-ssl-certfile", "api-ssl-keyfile", "client-ca-file"},
		checks: func(o options) map[string]check {
			return map[string]check{
				"database":   database(o.need("mysql")),
				"etcd":       etcd(o.need("etcd")),
				"kubernetes": kubernetes(o.need("kube-config-path")),
				"queue":      answers(http.DefaultClient, "http://127.0.0.1:6301/health"),
			}
		},
		address: func(o options) string { return o.need("api-addr") }, path: "/v2/health", tcp: ports(":6060"),
		start: serveRegion,
	},
	"rbd-chaos": {
		options: []string{"log-level", "etcd-endpoints", "mysql", "hostIP"},
		checks: func(o options) map[string]check {
			return map[string]check{
				"database": database(o.need("mysql")),
				"etcd":     etcd(o.need("etcd-endpoints")),
				"queue":    answers(http.DefaultClient, "http://127.0.0.1:6301/health"),
				"engine":   answers(overSocket("/var/run/docker.sock"), "http://engine/_ping"),
				"cache":    writable("/cache"),
			}
		},
		address: at(":3228"), path: "/v2/builder/health",
	},
	"rbd-worker": {
		options: []string{"log-level", "host-ip", "node-name", "etcd-endpoints", "mysql", "kube-config"},
		checks: func(o options) map[string]check {
			return map[string]check{
				"database":   database(o.need("mysql")),
				"etcd":       etcd(o.need("etcd-endpoints")),
				"kubernetes": kubernetes(o.need("kube-config")),
				"queue":      answers(http.DefaultClient, "http://127.0.0.1:6301/health"),
			}
		},
		address: at(":6369"), path: "/worker/health", tcp: ports(":6535"),
	},
	"rbd-webcli": {
		options: []string{"hostIP", "etcd-endpoints"},
		checks: func(o options) map[string]check {
			return map[string]check{"etcd": etcd(o.need("etcd-endpoints")), "kubernetes": kubernetes("/root/.kube/config")}
		},
		address: at(":7171"), path: "/health",
	},
	"rbd-repo": {
		checks: func(options) map[string]check {
			return map[string]check{"data": writable("/var/opt/jfrog/artifactory")}
		},
		address: at(":8081"), path: "/artifactory/",
	},
	"rbd-app-ui": {
		checks: func(options) map[string]check {
			return map[string]check{"database": database(consoleLogin()), "api": regionAPI(), "data": writable("/app/data")}
		},
		address: at(":7070"), path: "/",
	},
	"kube-state-metrics": {
		options: []string{"port", "telemetry-port", "kubeconfig"},
		checks: func(o options) map[string]check {
			return map[string]check{"kubernetes": kubernetes(o.need("kubeconfig"))}
		},
		address: func(o options) string { return ":" + o.need("port") }, path: "/healthz",
		tcp:   func(o options) []string { return []string{":" + o.need("telemetry-port")} },
		start: serveMetrics,
	},
}

func main() {
	name := os.Getenv("COMPONENT")
	p, ok := programs[name]
	if !ok {
		log.Fatalf("COMPONENT is %q", name)
	}
	o := parse(p.options, os.Args[1:])
	checks := p.checks(o)
	mux := http.NewServeMux()
	mux.HandleFunc(p.path, func(w http.ResponseWriter, r *http.Request) { health(w, r, checks) })
	if p.start != nil {
		must(p.start(o, mux))
	}
	if p.tcp != nil {
		for _, address := range p.tcp(o) {
			listener, err := net.Listen("tcp", address)
			must(err)
			go drop(listener)
		}
	}
	if p.udp != nil {
		for _, address := range p.udp(o) {
			_, err := net.ListenPacket("udp", address)
			must(err)
		}
	}
	server := &http.Server{Addr: p.address(o), Handler: mux, ReadHeaderTimeout: timeout}
	go func() { must(server.ListenAndServe()) }()
	log.Printf("%s at %s", name, server.Addr)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func parse(known, arguments []string) options {
	o := options{}
	for _, argument := range arguments {
		name, value, ok := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
		if !ok || !strings.HasPrefix(argument, "--") || !slices.Contains(known, name) {
			log.Fatalf("there is no option %q", name)
		}
		o[name] = value
	}
	return o
}

func drop(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		_ = connection.Close()
	}
}

func health(w http.ResponseWriter, r *http.Request, checks map[string]check) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	results := make(chan string, len(checks))
	for name, one := range checks {
		go func() {
			if err := one(ctx); err != nil {
				results <- fmt.Sprintf("%s: %v", name, err)
				return
			}
			results <- ""
		}()
	}
	problems := []string{}
	for range checks {
		if problem := <-results; problem != "" {
			problems = append(problems, problem)
		}
	}
	slices.Sort(problems)
	if len(problems) > 0 {
		log.Print(strings.Join(problems, "; "))
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"healthy": len(problems) == 0, "problems": problems})
}

// Logs in, and makes and reads a table of its own.
func database(login string) check {
	db, err := sql.Open("mysql", login)
	must(err)
	db.SetMaxOpenConns(2)
	return func(ctx context.Context) error {
		if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS stand_in (component VARCHAR(64) PRIMARY KEY)"); err != nil {
			return err
		}
		var count int
		return db.QueryRowContext(ctx, "SELECT COUNT(*) FROM stand_in").Scan(&count)
	}
}

// Writes a key and reads it again.
func etcd(endpoint string) check {
	key := base64.StdEncoding.EncodeToString([]byte("/stand-in/" + os.Getenv("COMPONENT")))
	post := func(ctx context.Context, path, body string) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		return fetch(http.DefaultClient, request)
	}
	return func(ctx context.Context) error {
		if _, err := post(ctx, "/v3/kv/put", fmt.Sprintf(`{"key":%q,"value":%q}`, key, key)); err != nil {
			return err
		}
		answer, err := post(ctx, "/v3/kv/range", fmt.Sprintf(`{"key":%q}`, key))
		if err == nil && !bytes.Contains(answer, []byte(key)) {
			err = errors.New("a key that was written is not there")
		}
		return err
	}
}

func writable(directory string) check {
	return func(context.Context) error {
		path := filepath.Join(directory, ".stand-in-"+os.Getenv("COMPONENT"))
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			return err
		}
		return os.Remove(path)
	}
}

func answers(client *http.Client, url string) check {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		_, err = fetch(client, request)
		return err
	}
}

func fetch(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", request.URL, response.Status)
	}
	return body, err
}

func overSocket(path string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

func identity(authority, certificate, key string) *http.Client {
	pem, err := os.ReadFile(authority)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	own, err := tls.LoadX509KeyPair(certificate, key)
	must(err)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}}}
}

// The few words of a kubeconfig that the platform writes.
func kubeconfig(path string) (server string, client *http.Client) {
	text, err := os.ReadFile(path)
	must(err)
	word := func(name string) string {
		found := regexp.MustCompile(`(?m)^\s+` + name + `: (\S+)$`).FindSubmatch(text)
		if found == nil {
			log.Fatalf("%s has no %s", path, name)
		}
		return string(found[1])
	}
	return word("server"), identity(word("certificate-authority"), word("client-certificate"), word("client-key"))
}

// Lists nodes, with the identity of the component.
func kubernetes(path string) check {
	server, client := kubeconfig(path)
	return answers(client, server+"/api/v1/nodes")
}

const region = "/etc/goodrain/region.goodrain.me/ssl/"

// The API over TLS, for clients with a certificate alone.
func serveRegion(o options, mux *http.ServeMux) error {
	pem, err := os.ReadFile(o.need("client-ca-file"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	server := &http.Server{
		Addr: o.need("api-addr-ssl"), Handler: mux, ReadHeaderTimeout: timeout,
		TLSConfig: &tls.Config{ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert},
	}
	go func() { must(server.ListenAndServeTLS(o.need("api-ssl-certfile"), o.need("api-ssl-keyfile"))) }()
	return nil
}

func regionAPI() check {
	client := identity(region+"ca.pem", region+"client.pem", region+"client.key.pem")
	return answers(client, os.Getenv("REGION_URL")+"/v2/health")
}

func consoleLogin() string {
	return fmt.Sprintf("%s:%s@tcp(%s:%s)/%s", os.Getenv("MYSQL_USER"), os.Getenv("MYSQL_PASS"), os.Getenv("MYSQL_HOST"), os.Getenv("MYSQL_PORT"), os.Getenv("MYSQL_DB"))
}

// One metric of the real program: the nodes.
func serveMetrics(o options, mux *http.ServeMux) error {
	server, client := kubeconfig(o.need("kubeconfig"))
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, server+"/api/v1/nodes", nil)
		must(err)
		body, err := fetch(client, request)
		var list struct {
			Items []struct{ Metadata struct{ Name string } }
		}
		if err == nil {
			err = json.Unmarshal(body, &list)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		for _, node := range list.Items {
			fmt.Fprintf(w, "kube_node_info{node=%q} 1\n", node.Metadata.Name)
		}
	})
	return nil
}
