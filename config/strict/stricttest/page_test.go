package stricttest

import (
	"reflect"
	"testing"
	"time"

	"skynet/config/strict"
)

type plain struct {
	Name   string       `yaml:"name" doc:"what it is called" strict:"required"`
	Share  strict.Share `yaml:"share" doc:"how much" strict:"above=0,max=1"`
	hidden int
	Unread int
	shared `yaml:",inline"`
	Times  []time.Duration `yaml:"times" doc:"when"`
	Deep   *deep           `yaml:"deep" doc:"more"`
	Many   []deep          `yaml:"many" doc:"several"`
	Either []either        `yaml:"either" doc:"one of them each"`
}

type shared struct {
	How string `yaml:"how" doc:"which way" strict:"enum=up|down"`
}

type deep struct {
	How string `yaml:"how" doc:"up: higher; down: lower" strict:"enum=up|down"`
	N   int    `yaml:"n" doc:"how many" strict:"min=2"`
}

type either struct {
	Type string `yaml:"type" doc:"which"`
}

func (*either) Variants() (string, []string) { return "type", nil }
func (*either) Variant(string) any           { return nil }

func TestTable(t *testing.T) {
	_ = plain{}.hidden
	want := `
| key | what it says |
|---|---|
| ` + "`name`" + ` | what it is called; required |
| ` + "`share`" + ` | how much; more than 0; at most 1 |
| ` + "`how`" + ` | which way; up or down |
| ` + "`times`" + ` | when |
| ` + "`deep`" + ` | more |
| ` + "`deep.how`" + ` | up: higher; down: lower |
| ` + "`deep.n`" + ` | how many; at least 2 |
| ` + "`many`" + ` | several |
| ` + "`many[].how`" + ` | up: higher; down: lower |
| ` + "`many[].n`" + ` | how many; at least 2 |
| ` + "`either`" + ` | one of them each |
`
	if got := table(reflect.TypeFor[plain]()); got != want {
		t.Errorf("got%swant%s", got, want)
	}
}
