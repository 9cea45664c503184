package ec2wire

import (
	"net/url"
	"slices"
	"strconv"
)

func (w *Wire) createFleet(b *writer, form url.Values) error {
	l, err := launch(form)
	if err != nil {
		return err
	}
	done, err := w.Backend.Launch(l)
	if err != nil {
		return err
	}
	b.text("fleetId", "fleet-"+l.Token)
	b.begin("errorSet")
	for _, r := range done.Refused {
		b.begin("item")
		b.text("errorCode", r.Code)
		b.text("errorMessage", r.Message)
		b.text("lifecycle", l.Market())
		b.offer(l, r.Offer)
		b.end("item")
	}
	b.end("errorSet")
	b.begin("fleetInstanceSet")
	for _, g := range done.Bought {
		b.begin("item")
		b.texts("instanceIds", g.IDs)
		b.text("instanceType", g.Type)
		b.text("lifecycle", l.Market())
		b.offer(l, g.Offer)
		b.end("item")
	}
	b.end("fleetInstanceSet")
	return nil
}

func (b *writer) offer(l Launch, o Offer) {
	b.begin("launchTemplateAndOverrides")
	b.begin("launchTemplateSpecification")
	b.text("launchTemplateId", l.Template)
	b.text("version", l.Version)
	b.end("launchTemplateSpecification")
	b.begin("overrides")
	b.text("instanceType", o.Type)
	b.text("subnetId", o.Subnet)
	b.end("overrides")
	b.end("launchTemplateAndOverrides")
}

func (w *Wire) instances(b *writer, form url.Values) error {
	q, err := query(form)
	if err != nil {
		return err
	}
	page, err := w.Backend.Instances(q)
	if err != nil {
		return err
	}
	b.begin("reservationSet")
	for _, i := range page.Instances {
		b.reservation(i, w.Whole)
	}
	b.end("reservationSet")
	b.next(page.Next)
	return nil
}

func (b *writer) next(token string) {
	if token != "" {
		b.text("nextToken", token)
	}
}

// mostAsked is how many IDs a question about status checks may name.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
const mostAsked = 100

func (w *Wire) statuses(b *writer, form url.Values) error {
	q, err := query(form)
	if err != nil {
		return err
	}
	if len(q.IDs) > mostAsked {
		return &Error{Code: "InvalidParameterValue", Message: "more than 100 instance IDs"}
	}
	page, err := w.Backend.Statuses(q)
	if err != nil {
		return err
	}
	b.begin("instanceStatusSet")
	for _, i := range page.Instances {
		b.begin("item")
		b.text("instanceId", i.ID)
		b.text("availabilityZone", i.Zone)
		b.state("instanceState", i.State)
		b.WriteString("<systemStatus><status>ok</status></systemStatus><instanceStatus>")
		b.text("status", i.health())
		b.WriteString("</instanceStatus></item>")
	}
	b.end("instanceStatusSet")
	b.next(page.Next)
	return nil
}

func (w *Wire) terminate(b *writer, form url.Values) error {
	done, err := w.Backend.Terminate(list(form, "InstanceId"))
	return b.changes(done, err)
}

func (w *Wire) stop(b *writer, form url.Values) error {
	done, err := w.Backend.Stop(list(form, "InstanceId"), form.Get("Hibernate") == "true")
	return b.changes(done, err)
}

func (w *Wire) start(b *writer, form url.Values) error {
	done, err := w.Backend.Start(list(form, "InstanceId"))
	return b.changes(done, err)
}

func (b *writer) changes(done []Change, err error) error {
	if err != nil {
		return err
	}
	b.begin("instancesSet")
	for _, c := range done {
		b.begin("item")
		b.text("instanceId", c.ID)
		b.state("currentState", c.State)
		b.end("item")
	}
	b.end("instancesSet")
	return nil
}

func (w *Wire) tag(b *writer, form url.Values) error {
	b.WriteString("<return>true</return>")
	return w.Backend.Tag(list(form, "ResourceId"), tags(form, "Tag"))
}

func (w *Wire) untag(b *writer, form url.Values) error {
	var keys []string
	for key := range tags(form, "Tag") {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b.WriteString("<return>true</return>")
	return w.Backend.Untag(list(form, "ResourceId"), keys)
}

func (w *Wire) subnets(b *writer, form url.Values) error {
	b.begin("subnetSet")
	for _, id := range values(form, "subnet-id") {
		if zone, there := w.Catalogue.Zones[id]; there {
			b.item("subnetId", id, "availabilityZone", zone)
		}
	}
	b.end("subnetSet")
	return nil
}

func (w *Wire) offerings(b *writer, form url.Values) error {
	zones := values(form, "location")
	b.begin("instanceTypeOfferingSet")
	for _, t := range values(form, "instance-type") {
		for _, z := range w.Catalogue.Sold[t] {
			if slices.Contains(zones, z) {
				b.item("instanceType", t, "location", z)
			}
		}
	}
	b.end("instanceTypeOfferingSet")
	return nil
}

func (w *Wire) versions(b *writer, form url.Values) error {
	name, version := form.Get("LaunchTemplateName"), form.Get("LaunchTemplateVersion.1")
	known := false
	for _, t := range w.Catalogue.Templates {
		if t.Name != name {
			continue
		}
		if known = true; version == strconv.Itoa(t.Number) || slices.Contains(t.Aliases, version) {
			b.WriteString("<launchTemplateVersionSet><item>")
			b.text("launchTemplateId", t.ID)
			b.text("versionNumber", strconv.Itoa(t.Number))
			b.WriteString("<launchTemplateData>" + t.Data + "</launchTemplateData></item></launchTemplateVersionSet>")
			return nil
		}
	}
	if !known {
		return &Error{Code: "InvalidLaunchTemplateName.NotFoundException", Message: "The specified launch template does not exist."}
	}
	return &Error{Code: "InvalidLaunchTemplateId.VersionNotFound", Message: "Could not find the specified version."}
}

func (w *Wire) types(b *writer, form url.Values) error {
	b.begin("instanceTypeSet")
	for _, name := range list(form, "InstanceType") {
		t, there := w.Catalogue.Types[name]
		if !there {
			return &Error{Code: "InvalidInstanceType", Message: "The following supplied instance types do not exist: [" + name + "]"}
		}
		b.begin("item")
		b.text("instanceType", name)
		b.text("hibernationSupported", strconv.FormatBool(t.Hibernates))
		b.WriteString("<memoryInfo>")
		b.text("sizeInMiB", strconv.Itoa(t.MiB))
		b.WriteString("</memoryInfo></item>")
	}
	b.end("instanceTypeSet")
	return nil
}

func (w *Wire) volumes(b *writer, form url.Values) error {
	b.begin("volumeSet")
	for _, id := range values(form, "volume-id") {
		b.item("volumeId", id, "size", strconv.Itoa(w.Catalogue.GiB))
	}
	b.end("volumeSet")
	return nil
}

func (w *Wire) spotPrices(b *writer, _ url.Values) error {
	b.WriteString("<spotPriceHistorySet>" + w.Catalogue.Prices + "</spotPriceHistorySet>")
	return nil
}
