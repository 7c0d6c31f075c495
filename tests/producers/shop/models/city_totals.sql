select c.city, sum(t.cents) as cents
from {{ ref('order_totals') }} as t
join {{ ref('stg_customers') }} as c on c.customer_id = t.customer_id
group by c.city
