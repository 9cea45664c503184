package aws

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// lookEvery is how often the hypervisor looks at what moto holds: the delay with
// which tags reach an instance, of which EC2 promises nothing.
const lookEvery = 300 * time.Millisecond

// shutDown is how long an agent has, once its machine is told to go down.
const shutDown = 2 * time.Second

// hypervisor runs a machine for each instance that moto calls running: an agent,
// with the instance's user data as its settings, behind metadata of its own. A
// stopped machine's agent ends, and a started one's begins anew.
type hypervisor struct {
	t      *testing.T
	dir    string
	worker string
	env    []string
	ec2    *ec2.Client

	mu       sync.Mutex
	machines map[string]*machine
}

// machine is one instance's.
type machine struct {
	*metadata
	agent *process
	boots int
	bare  bool // it has no user data: nobody launched it from a template of ours
}

// newHypervisor looks at moto until the test ends, then ends what it started.
func newHypervisor(t *testing.T, dir string, client *ec2.Client, env []string) *hypervisor {
	h := &hypervisor{t: t, dir: dir, worker: program(t, "skynet-worker"), env: env, ec2: client, machines: map[string]*machine{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			h.look(ctx)
			time.Sleep(lookEvery)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait(); h.end() })
	return h
}

func (h *hypervisor) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, m := range h.machines {
		if m.agent != nil {
			m.agent.Kill()
		}
		m.Close()
		if h.t.Failed() {
			for n := range m.boots {
				h.t.Log(tail(filepath.Join(h.dir, fmt.Sprintf("%s-%d.err", id, n+1))))
			}
		}
	}
}

// look sees to it that machines are as moto says that they are.
func (h *hypervisor) look(ctx context.Context) {
	list, err := instances(ctx, h.ec2)
	if err != nil {
		return // moto is busy, or the test is over
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range list {
		m := h.machines[*i.InstanceId]
		switch i.State.Name {
		case types.InstanceStateNameRunning:
			if m == nil {
				m = &machine{metadata: serveMetadata(*i.InstanceId)}
				h.machines[m.id] = m
			}
			m.retag(tagsOf(i))
			if m.agent == nil && !m.bare {
				h.boot(ctx, m)
			}
		default:
			if m != nil && m.agent != nil {
				m.agent.End(shutDown)
				m.agent = nil
			}
		}
	}
}

// boot starts the machine's agent.
func (h *hypervisor) boot(ctx context.Context, m *machine) {
	settings := filepath.Join(h.dir, m.id+".yaml")
	if err := h.writeUserData(ctx, m, settings); err != nil {
		h.t.Logf("boot %s: %v", m.id, err)
	}
	if _, err := os.Stat(settings); err != nil {
		return
	}
	m.boots++
	env := slices.Concat(h.env, []string{"SKYNET_WORKER_METADATA=" + m.URL, "SKYNET_WORKER_SCRATCH=" + filepath.Join(h.dir, m.id+"-scratch")})
	agent, err := start(h.dir, fmt.Sprintf("%s-%d", m.id, m.boots), env, h.worker, "run", "--config", settings)
	if err != nil {
		h.t.Logf("boot %s: %v", m.id, err)
		return
	}
	m.agent = agent
}

func (h *hypervisor) writeUserData(ctx context.Context, m *machine, file string) error {
	out, err := h.ec2.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &m.id, Attribute: types.InstanceAttributeNameUserData})
	if err != nil {
		return err
	}
	if out.UserData == nil || out.UserData.Value == nil {
		m.bare = true
		return nil
	}
	text, err := base64.StdEncoding.DecodeString(*out.UserData.Value)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// crash ends a machine's agent for good; the machine runs on.
func (h *hypervisor) crash(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.machines[id].agent.Kill()
}

// interrupt posts the notice of an interruption to an instance.
func (h *hypervisor) interrupt(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.machines[id].interrupt("terminate", time.Now().Add(2*time.Minute))
}

// awaitSaid waits until an instance's agent has logged something.
func (h *hypervisor) awaitSaid(id, text string) {
	h.t.Helper()
	await(h.t, "the agent of "+id+" to say "+text, func() error {
		if logs, _ := filepath.Glob(filepath.Join(h.dir, id+"-*.err")); slices.ContainsFunc(logs, func(l string) bool { return strings.Contains(read(l), "\t"+text+"\t") }) {
			return nil
		}
		return errors.New("it has not")
	})
}

// agents are the instances whose agents run.
func (h *hypervisor) agents() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, m := range h.machines {
		if m.agent != nil && m.agent.Runs() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// boots is how often the agent of an instance was started.
func (h *hypervisor) boots(id string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.machines[id]; m != nil {
		return m.boots
	}
	return 0
}

func instances(ctx context.Context, client *ec2.Client, filters ...types.Filter) (list []types.Instance, err error) {
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Reservations {
			list = append(list, r.Instances...)
		}
	}
	return list, nil
}

func tagsOf(i types.Instance) map[string]string {
	tags := map[string]string{}
	for _, t := range i.Tags {
		tags[*t.Key] = *t.Value
	}
	return tags
}
