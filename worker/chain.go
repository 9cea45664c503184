package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"skynet/worker/recipe"
)

// fitsGroup checks that what the item is sent on to can be told what it needs.
func (p *part) fitsGroup() error {
	for _, t := range p.recipe.Then {
		if p.media.Send[t.Queue] == nil {
			return fmt.Errorf("recipe %s sends on to queue %s, which this worker does not know; add it to send in its settings", p.recipe.Name, t.Queue)
		}
		switch g := p.task.Group; {
		case len(t.Parts) == 0:
		case g == nil:
			return fmt.Errorf("recipe %s waits for the parts %s; the item must say in group which one it is", p.recipe.Name, strings.Join(t.Parts, ", "))
		case !slices.Contains(t.Parts, g.Part):
			return fmt.Errorf("recipe %s waits for the parts %s; the item is part %s", p.recipe.Name, strings.Join(t.Parts, ", "), g.Part)
		}
	}
	return nil
}

// sendOn sends the items that follow, if it is time.
func (p *part) sendOn(ctx context.Context) error {
	for i, t := range p.recipe.Then {
		send := p.follow
		if len(t.Parts) > 0 {
			send = p.assemble
		}
		if err := send(ctx, i, t); err != nil {
			return fmt.Errorf("send on to queue %s: %w", t.Queue, err)
		}
	}
	return nil
}

// follow sends the item that comes after this one. Sent twice it is the same, which
// whoever works on it knows by its digest.
func (p *part) follow(ctx context.Context, _ int, t recipe.Then) error {
	input, err := p.result(t.Input)
	if err != nil {
		return err
	}
	return p.sendTask(ctx, t, Task{
		Recipe: t.Recipe, Input: input.URL, Output: join(p.task.Output, t.Output),
		Values: p.task.Values, Batch: p.task.Batch, Group: p.task.Group,
	})
}

// result is the output of that name, or the first.
func (p *part) result(name string) (recipe.Artifact, error) {
	if name == "" {
		return p.said.Outputs[0], nil
	}
	o, err := recipe.Output{Name: name, Command: &recipe.Command{}}.Named(p.job.Values)
	if err != nil {
		return recipe.Artifact{}, err
	}
	for _, made := range p.said.Outputs {
		if ok, _ := path.Match(o.Name, made.Name); ok {
			return made, nil
		}
	}
	return recipe.Artifact{}, fmt.Errorf("there is no output %s", o.Name)
}

func (p *part) sendTask(ctx context.Context, t recipe.Then, next Task) error {
	next.Output = strings.TrimSuffix(next.Output, "/")
	body, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write the item: %w", err)
	}
	if _, err := readTask(body, ""); err != nil { // others may write where markers lie
		return fmt.Errorf("what would be sent is %w", err)
	}
	return p.media.send(ctx, p.media.Send[t.Queue], body)
}

// marker says in the group's folder that a part is there.
type marker struct {
	Part   string            `json:"part"`
	URL    string            `json:"url"`
	SHA256 string            `json:"sha256"`
	Values map[string]string `json:"values,omitempty"`
	Batch  string            `json:"batch,omitempty"`
}

// claim says which part sends the group's item on: the first that found all parts.
type claim struct {
	Part   string `json:"part"`
	Digest string `json:"digest"` // of the part's item
}

// assemble marks this part as there and, when all are, sends on the item that puts
// them together.
//
// Each part leaves its marker before it looks for the others', so the last to do so
// sees all. Two may do so at once: of these the one that writes the claim first
// sends, and goes on sending whenever its own item comes again, since it may have
// died right after the claim. The claim's name holds a digest of the parts: of
// parts that were made anew, the item is sent anew.
func (p *part) assemble(ctx context.Context, index int, t recipe.Then) error {
	g := p.task.Group
	made, err := p.result(t.Input)
	if err != nil {
		return err
	}
	mine := marker{Part: g.Part, URL: made.URL, SHA256: made.SHA256, Values: p.task.Values, Batch: p.task.Batch}
	if err := p.mark(ctx, mine); err != nil {
		return err
	}
	all, err := p.others(ctx, t.Parts)
	if err != nil || len(all) < len(t.Parts) {
		return err // the last part sends
	}
	first, err := p.claim(ctx, index, all)
	if err != nil || !first {
		return err
	}
	return p.sendTask(ctx, t, assembly(t, *g, all))
}

// assembly is the item that puts parts together. It is the same whichever part sends it.
func assembly(t recipe.Then, g Group, all []marker) Task {
	next := Task{Recipe: t.Recipe, Input: all[0].URL, Output: join(g.Output, t.Output), Inputs: map[string]string{}, Batch: all[0].Batch}
	values := map[string]string{}
	for _, m := range slices.Backward(all) { // the first part's values count most
		maps.Copy(values, m.Values)
		next.Inputs[m.Part] = m.URL
	}
	if len(values) > 0 {
		next.Values = values
	}
	return next
}

func (p *part) groupURL(name string) string {
	return join(p.task.Group.Output, recipe.PartsFolder+"/"+name+".json")
}

func (p *part) mark(ctx context.Context, m marker) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("mark the part: %w", err)
	}
	return p.media.stores.Write(ctx, p.groupURL(m.Part), body)
}

// others are the markers of all parts that are there, in the recipe's order.
func (p *part) others(ctx context.Context, parts []string) (all []marker, err error) {
	for _, name := range parts {
		body, err := p.media.stores.Read(ctx, p.groupURL(name), maxSmall)
		if errors.Is(err, fs.ErrNotExist) {
			return all, nil
		}
		var m marker
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err == nil && (m.Part != name || m.URL == "") {
			err = fmt.Errorf("what lies at %s is not its marker", p.groupURL(name))
		}
		if err != nil {
			return nil, fmt.Errorf("look for part %s: %w", name, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// claim reports whether this part is the one that sends.
func (p *part) claim(ctx context.Context, index int, all []marker) (bool, error) {
	parts, err := json.Marshal(all)
	if err != nil {
		return false, fmt.Errorf("claim the group: %w", err)
	}
	mine := claim{Part: p.task.Group.Part, Digest: p.said.Digest}
	body, err := json.Marshal(mine)
	if err != nil {
		return false, fmt.Errorf("claim the group: %w", err)
	}
	at := p.groupURL(fmt.Sprintf("then-%d-%.16s", index, digestOf(parts)))
	created, err := p.media.stores.Create(ctx, at, body)
	if err != nil || created {
		return created, err
	}
	there, err := p.media.stores.Read(ctx, at, maxSmall)
	var first claim
	if err == nil {
		err = json.Unmarshal(there, &first)
	}
	if err != nil {
		return false, fmt.Errorf("look who sends the group on: %w", err)
	}
	return first == mine, nil
}
